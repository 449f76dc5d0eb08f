"""Alerts through apprise, with a real service behind its URL; and the URL, which holds keys, seen by nobody."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.adapters.local import LocalShell
from kedge.app.sending import PostOffice, SendingSettings
from kedge.errors import InventoryError
from kedge.inventory.read import read_inventory
from kedge.model.observation import Observation, Status
from kedge.watch.sender import Copy
from tests.integration.watch.receiver import hanging, receiving
from tests.unit.watch.test_sender import LETTER

CLUB = "organisation: {name: Club}\npeople: {anna: {channels: out}}\nchannels: {out: 'apprise %s'}\n"
KEY = "petersilie-anker-7"


async def send(folder: Path, url: str, limit_s: float = 30.0) -> Observation:
    (folder / "kedge.yaml").write_text(CLUB % "file:url")
    (folder / "url").write_text(f"{url}\n")
    inventory = read_inventory(folder / "kedge.yaml")
    office = PostOffice(inventory, SendingSettings({}, folder), LocalShell(), limit=timedelta(seconds=limit_s))
    assert office.obstacle("out") is None
    return await office.send("out", Copy(LETTER, inventory.sections.channels["out"].address))


async def test_a_message_arrives(tmp_path: Path) -> None:
    with receiving() as received:
        found = await send(tmp_path, f"json://anna:{KEY}@127.0.0.1:{received.port}/alert")
        (post,) = received.at("/alert")
    assert found.status is Status.OK
    assert post["title"] == "[kedge] wiki ist ausgefallen: Übersicht"
    assert "Warum: es brach ab." in post["message"]
    assert post["type"] == "warning"


async def test_a_refusal_is_no_delivery_and_shows_no_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(500) as received:
        refused = await send(tmp_path, f"json://anna:{KEY}@127.0.0.1:{received.port}/{KEY}")
    gone = await send(tmp_path, f"json://anna:{KEY}@127.0.0.1:{received.port}/{KEY}")
    wrong = await send(tmp_path, f"nonsense-{KEY}")
    empty = await send(tmp_path, "")
    with hanging() as port:
        silent = await send(tmp_path, f"json://anna:{KEY}@127.0.0.1:{port}/{KEY}?rto=1", 0.3)
    every = [refused, gone, wrong, empty, silent]
    assert all(one.status is not Status.OK for one in every)
    assert "refused it" in refused.what
    assert "none that apprise knows" in wrong.what
    said = [caplog.text, *capfd.readouterr(), *(one.what for one in every), *(str(one.evidence) for one in every)]
    assert not any(KEY in text for text in said)


def test_a_url_in_the_inventory_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text(CLUB % f"tgram://{KEY}/12")
    with pytest.raises(InventoryError) as caught:
        read_inventory(tmp_path / "kedge.yaml")
    assert "apprise file:PATH" in str(caught.value)
    assert KEY not in str(caught.value)
