"""Backups that somebody makes already, in the places where people start them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.discovery.backups import find_backups

CASES = [
    ("17 3 * * * root mysqldump --all-databases | gzip > /var/backups/db-$(date +%F).sql.gz", "newest-file", "/var/backups/db-*.sql.gz"),
    ("0 2 * * * postgres pg_dumpall > /srv/dump/`date +\\%F`.sql", "newest-file", "/srv/dump/*.sql"),
    ("0 1 * * * root restic -r sftp:store@nas.example.net:/srv/restic backup /", "restic", "sftp:store@nas.example.net:/srv/restic"),
    ("ExecStart=/usr/bin/restic backup /etc\nEnvironment=RESTIC_REPOSITORY=/mnt/usb", "restic", "/mnt/usb"),
    ("export BORG_REPO=ssh://u1@u1.storage.example/./repo\nborg create ::{now} /etc", "borg", "ssh://u1@u1.storage.example/./repo"),
    ("5 5 * * * root /usr/bin/rsnapshot daily", "other", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "type_", "repository"), CASES)
def test_a_backup_is_found_where_people_start_it(text: str, type_: str, repository: str) -> None:
    (found,) = find_backups({"/etc/cron.d/backup": text + "\n"})
    assert (found.type, found.repository) == (type_, repository)


def test_a_commented_line_is_no_backup() -> None:
    assert find_backups({"/etc/cron.d/backup": "# 1 1 * * * root restic -r /mnt backup /\n"}) == []


def test_each_repository_of_borgmatic_is_a_store() -> None:
    text = "repositories:\n    - path: ssh://k@k.repo.example/./repo\n      label: far\n    - path: /mnt/usb\nkeep_daily: 7\n"
    found = find_backups({"/etc/borgmatic/config.yaml": text})
    assert [(one.type, one.repository, one.far_host) for one in found] == [
        ("borg", "ssh://k@k.repo.example/./repo", "k.repo.example"),
        ("borg", "/mnt/usb", ""),
    ]


@pytest.mark.parametrize(
    ("repository", "host"),
    [
        ("sftp:store@nas.example.net:/srv", "nas.example.net"),
        ("backup@nas:/srv/borg", "nas"),
        ("rest:https://nas.example.net:8000/", "nas.example.net"),
        ("/mnt/usb", ""),
        ("s3:s3.example.net/bucket", ""),
    ],
)
def test_the_host_of_a_repository(repository: str, host: str) -> None:
    (found,) = find_backups({"/etc/cron.d/backup": f"1 1 * * * root restic -r {repository} backup /\n"})
    assert found.far_host == host


@given(st.text(max_size=200), st.sampled_from(["/etc/cron.d/x", "/etc/borgmatic/config.yaml"]))
def test_any_text_is_read(text: str, path: str) -> None:
    find_backups({path: text})
