"""Stores that others carry: restic on a REST server and on S3, by keys that may do this and not that."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kedge.adapters.local import LocalShell
from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.ports import Snapshot
from tests.acceptance.test_backup import Desk
from tests.integration.conftest import need
from tests.integration.probes.servers import free_port
from tests.integration.work.store_servers import Gateway, rest_server, s3_gateway
from tests.integration.work.test_restic import CENSUS, WATCH, opened, spool, tree

__all__ = ["spool"]
OWNER = "owner:besitzt#47;11 /+="
SAVER = "saver:sichert#47;11 /+="
CLUB = "club:geheim/4711"
POLICY = Path(__file__).parents[3] / "docs" / "backups.md"
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    need("restic", "restic")
    with s3_gateway() as gateway:
        for user, _, key in (one.partition(":") for one in (OWNER, SAVER)):
            gateway.add(user, key)
        yield gateway


@pytest.fixture
def bucket(gateway: Gateway, tmp_path: Path) -> ResticStore:
    """A repository in a bucket of this test, as its owner opens it."""
    store = at(tmp_path, f"s3:http://127.0.0.1:{gateway.port}/{tmp_path.name.replace('_', '-')}", OWNER)
    asyncio.run(store.initialise())
    return store


def at(folder: Path, repository: str, credentials: str) -> ResticStore:
    return replace(opened(folder), repository=repository, credentials=Secret("env:Y", credentials.encode()))


def name_of(bucket: ResticStore) -> str:
    return bucket.repository.rpartition("/")[2]


def let_add(gateway: Gateway, bucket: str) -> None:
    """Do what docs/backups.md says: the bucket keeps what is overwritten, and its policy lets this user add only."""
    (policy,) = re.findall(r"```json\n(.*?)```", POLICY.read_text(), re.DOTALL)
    for word, meant in {
        "BUCKET": bucket,
        "SAVER": "arn:aws:iam:::user/saver",
        "OWNER": "arn:aws:iam:::user/owner",
    }.items():
        policy = policy.replace(word, meant)
    for what, text in (("versioning", VERSIONED), ("policy", policy.encode())):
        code, said = gateway.request(OWNER, "PUT", f"/{bucket}?{what}", text)
        assert code in {200, 204}, said


def shown(failure: pytest.ExceptionInfo[OutsideError]) -> str:
    return f"{failure.value} {failure.value.hint}"


def test_what_is_saved_to_s3_comes_back(bucket: ResticStore, spool: Path, tmp_path: Path) -> None:
    """Its keys are in no process list: neither among the arguments nor in the environment."""
    watcher = subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True)
    saved = asyncio.run(bucket.save("wiki", spool, [CENSUS]))
    spooled = tree(spool)
    (listed,) = asyncio.run(bucket.list("wiki"))  # type: ignore[arg-type]
    fetched = asyncio.run(bucket.fetch(listed, tmp_path / "back"))
    watcher.terminate()
    seen, _ = watcher.communicate()
    assert fetched == saved
    assert tree(tmp_path / "back") == spooled
    assert "AWS_SHARED_CREDENTIALS_FILE" in seen
    assert "besitzt" not in seen


def test_other_keys_are_refused_and_shown_nowhere(bucket: ResticStore, spool: Path) -> None:
    for wrong in ("owner:falsch4711", "nobody:falsch4711", SAVER):
        other = replace(bucket, credentials=Secret("env:Y", wrong.encode()))
        for attempt in (other.list("wiki"), other.save("wiki", spool, [CENSUS]), other.initialise()):
            with pytest.raises(OutsideError, match="refuses its credentials") as failure:
                asyncio.run(attempt)  # type: ignore[arg-type]
            assert not re.search(r"4711|#47;11", shown(failure))


def test_keys_of_another_account_in_the_environment_are_not_taken(bucket: ResticStore) -> None:
    others = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "falsch", "AWS_PROFILE": "home"}
    asyncio.run(replace(bucket, shell=LocalShell(env={**os.environ, **others})).list("wiki"))  # type: ignore[arg-type]


def test_a_server_that_is_not_there_is_no_missing_repository(tmp_path: Path) -> None:
    need("restic", "restic")
    with pytest.raises(OutsideError, match="cannot be reached"):
        asyncio.run(at(tmp_path, f"rest:http://127.0.0.1:{free_port()}/", CLUB).list("wiki"))  # type: ignore[arg-type]


def test_who_may_only_add_saves_and_cannot_delete(
    gateway: Gateway, bucket: ResticStore, spool: Path, tmp_path: Path
) -> None:
    """On a REST server and on S3 at once, since restic asks both eleven times before it gives up deleting."""
    let_add(gateway, name_of(bucket))
    saver = replace(bucket, credentials=Secret("env:Y", SAVER.encode()), cache=tmp_path / "cache of the saver")
    watcher = subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True)
    with rest_server(tmp_path / "rest", CLUB, "--append-only") as port:
        rest = at(tmp_path, f"rest:http://127.0.0.1:{port}/", CLUB)
        asyncio.run(rest.initialise())
        wrong = replace(rest, credentials=Secret("", b"club:geheim/4712"))
        with pytest.raises(OutsideError, match="refuses its credentials") as failure:
            asyncio.run(wrong.list("wiki"))  # type: ignore[arg-type]
        assert "4712" not in shown(failure)

        async def use_both() -> list[Snapshot]:
            return await asyncio.gather(*(add_only(one, spool, tmp_path / name) for name, one in both.items()))

        both = {"of-rest": rest, "of-s3": saver}
        on_rest, on_s3 = asyncio.run(use_both())
    watcher.terminate()
    seen, _ = watcher.communicate()
    assert "RESTIC_REPOSITORY_FILE" in seen
    assert "4711" not in seen.replace("#47;11", "4711")
    through = replace(rest, repository=str(tmp_path / "rest"), credentials=None)  # somebody else, on that machine
    for one, snapshot in ((through, on_rest), (bucket, on_s3)):
        asyncio.run(one.forget([snapshot]))
        assert list(asyncio.run(one.list("wiki"))) == []  # type: ignore[arg-type]


async def add_only(store: ResticStore, spool: Path, room: Path) -> Snapshot:
    """Save to a store, fail to forget, and find it whole."""
    mine = room / "spool"
    shutil.copytree(spool, mine)
    saved = await store.save("wiki", mine, [CENSUS])
    with pytest.raises(OutsideError, match="lets nobody delete") as failure:
        await store.forget([saved])
    assert not re.search(r"4711|#47;11", shown(failure))
    assert "--through" in shown(failure)
    assert await store.fetch(saved, room / "back") == saved
    assert (await store.run("list", "locks")).stdout == b""  # its own lock it may take away
    return saved


def test_what_an_adder_overwrites_on_s3_is_kept_beneath(
    gateway: Gateway, bucket: ResticStore, spool: Path, tmp_path: Path
) -> None:
    """No policy tells adding from overwriting: that the bucket keeps versions is what saves it."""
    name = name_of(bucket)
    let_add(gateway, name)
    saver = replace(bucket, credentials=Secret("env:Y", SAVER.encode()), cache=tmp_path / "cache of the saver")
    saved = asyncio.run(saver.save("wiki", spool, [CENSUS]))
    packs = re.findall(r"<Key>(data/[^<]+)</Key>", gateway.request(OWNER, "GET", f"/{name}")[1].decode())
    assert packs
    for pack in packs:
        assert gateway.request(SAVER, "PUT", f"/{name}/{pack}", b"nothing")[0] == 200
        assert gateway.request(OWNER, "GET", f"/{name}/{pack}")[1] == b"nothing"
    for pack in packs:
        said = gateway.request(OWNER, "GET", f"/{name}?versions")[1].decode()
        (newest,) = re.findall(rf"<Key>{pack}</Key><VersionId>([^<]+)</VersionId><IsLatest>true", said)
        path = f"/{name}/{pack}?versionId={newest}"
        assert gateway.request(SAVER, "DELETE", path)[0] == 403
        assert gateway.request(OWNER, "DELETE", path)[0] == 204
    assert asyncio.run(bucket.fetch(saved, tmp_path / "back")) == saved


def test_one_key_saves_and_drills_and_another_prunes(gateway: Gateway, bucket: ResticStore, tmp_path: Path) -> None:
    """kedge itself on S3, from a key that may add only; who prunes has the owner's key in a file."""
    need("bwrap", "bubblewrap")
    (tmp_path / "desk").mkdir()
    desk = Desk(tmp_path / "desk")
    file = desk.folder / "kedge.yaml"
    inventory = file.read_text().replace(f"{desk.folder}/repository", f"{bucket.repository}-of-desk")
    inventory = inventory.replace("kept: paper}}", "kept: paper}, keys: {from: file:keys}}")
    file.write_text(inventory.replace("passphrase: passphrase", "passphrase: passphrase, credentials: keys"))
    for name, credentials in {"keys": OWNER, "owner": OWNER}.items():
        (desk.folder / name).write_text(credentials)
    desk.call("backup", "--init", "disk")
    let_add(gateway, f"{name_of(bucket)}-of-desk")
    (desk.folder / "keys").write_text(SAVER)
    for text in ("eins", "zwei"):
        (desk.folder / "share" / "brief.txt").write_text(text)
        desk.call("backup", "share")
    newest = desk.answer("snapshots", "share")[-1]["snapshot"]
    pruned = desk.answer("prune", "disk", "--keep", "daily 1", "--credentials-file", "owner")
    assert (len(pruned["goes"]), pruned["stays"]) == (1, 1)
    assert [one["snapshot"] for one in desk.answer("snapshots", "share")] == [newest]
    assert desk.answer("drill", "share")[0]["state"] == "proven"
