"""How restic's own ssh is called, so that it does not wait for ever for a host that is silent."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.restic import sftp_options


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ("sftp:store@backup.example.org:/srv/club", "-l store -s backup.example.org sftp"),
        ("sftp:vault:club", "-s vault sftp"),
        ("sftp://store@backup.example.org:2222//srv/club", "-p 2222 -l store -s backup.example.org sftp"),
        ("sftp://192.0.2.7/club", "-s 192.0.2.7 sftp"),
    ],
)
def test_ssh_gives_up_in_time(repository: str, words: str) -> None:
    option, command = sftp_options(repository)
    assert option == "-o"
    assert "-o ConnectTimeout=20" in command
    assert command.startswith("sftp.command=ssh ")
    assert command.endswith(words)


@pytest.mark.parametrize(
    "repository",
    ["/srv/club", "rest:https://backup.example.org/", "s3:https://s3.example.org/club", "sftp://[2001:db8::1]/club",
     "sftp:-oProxyCommand=reboot:/srv", "sftp:"],
)  # fmt: skip
def test_other_addresses_are_left_to_restic(repository: str) -> None:
    assert sftp_options(repository) == ()


@given(st.text())
def test_no_address_becomes_an_option_of_ssh(place: str) -> None:
    for option in sftp_options(f"sftp:{place}")[1:]:
        words = shlex.split(option.removeprefix("sftp.command="))
        assert words[-1] == "sftp"
        assert not words[-2].startswith("-")
