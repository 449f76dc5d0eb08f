"""What a sandbox is given lies in its folder, whatever lies there already."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.sandbox_folder import hand_over
from kedge.errors import OutsideError

SPOOL = PurePosixPath("/drill/spool/wiki")


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    folder = tmp_path / "fetched"
    (folder / "below").mkdir(parents=True)
    (folder / "dump.sql").write_text("rows")
    (folder / "below" / "more").write_text("more rows")
    return folder


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    return folder


def test_files_are_there_and_were_not_copied(dumps: Path, sandbox: Path) -> None:
    hand_over(dumps, sandbox, SPOOL, None)
    assert (sandbox / "drill/spool/wiki/dump.sql").stat().st_ino == (dumps / "dump.sql").stat().st_ino
    assert (sandbox / "drill/spool/wiki/below/more").read_text() == "more rows"


def test_a_second_time_replaces_what_lies_there(dumps: Path, sandbox: Path) -> None:
    hand_over(dumps, sandbox, SPOOL, None)
    (sandbox / "drill/spool/wiki/dump.sql").unlink()
    (sandbox / "drill/spool/wiki/dump.sql").write_text("else")
    hand_over(dumps, sandbox, SPOOL, None)
    assert (sandbox / "drill/spool/wiki/dump.sql").read_text() == "rows"


@pytest.mark.parametrize("step", ["drill", "drill/spool", "drill/spool/wiki", "drill/spool/wiki/below"])
def test_no_link_in_the_sandbox_leads_out_of_it(dumps: Path, sandbox: Path, tmp_path: Path, step: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (sandbox / step).parent.mkdir(parents=True, exist_ok=True)
    (sandbox / step).symlink_to(outside)
    with pytest.raises(OutsideError, match="could not be put into the sandbox"):
        hand_over(dumps, sandbox, SPOOL, None)
    assert list(outside.rglob("*")) == []


def test_a_link_in_place_of_a_file_is_replaced_not_followed(dumps: Path, sandbox: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    (sandbox / "drill/spool/wiki").mkdir(parents=True)
    (sandbox / "drill/spool/wiki/dump.sql").symlink_to(tmp_path / "outside")
    hand_over(dumps, sandbox, SPOOL, None)
    assert (tmp_path / "outside").read_text() == "mine"
    assert (sandbox / "drill/spool/wiki/dump.sql").read_text() == "rows"
