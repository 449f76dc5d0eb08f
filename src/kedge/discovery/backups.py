"""Backups that somebody else already makes: found in crontabs, timers' units and the settings of backup programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kedge.discovery.sketch import clean

StoreType = Literal["restic", "borg", "newest-file", "other"]
TOOL = re.compile(
    r"(?:^|bin/|[\s;&|(=\"'])(restic|borgmatic|borg|mysqldump|mariadb-dump|mariabackup|mydumper|pg_dumpall|pg_dump|duplicity|"
    r"rsnapshot|kopia|rdiff-backup|rclone|automysqlbackup|autopostgresqlbackup|backup-manager|backupninja)(?=$|[\s;&|)\"'])"
)
DUMPS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("mysqldump", "mariadb-dump", "mariabackup", "mydumper", "automysqlbackup"), frozenset({"mariadb", "mysql"})
    ),
    **dict.fromkeys(("pg_dump", "pg_dumpall", "autopostgresqlbackup"), frozenset({"postgresql"})),
}
"""Program -> the kinds whose databases it writes out."""
_RESTIC = re.compile(r"(?:\s-r|\s--repo(?:=|\s)|RESTIC_REPOSITORY=)\s*[\"']?([^\s\"';]+)")
_BORG = re.compile(r"BORG_REPO=[\"']?([^\s\"']+)")
_BORG_INTO = re.compile(r"\bcreate\b[^;|&\n]*?\s[\"']?([^\s\"']+?)::")
_BORGMATIC = re.compile(r"^\s*(?:-\s*)?(?:path:\s*|-\s*)[\"']?((?:ssh://|[\w.-]+@[\w.-]+:|/)[^\s\"']+)", re.M)
_INTO = re.compile(r"(?:>\s*|--result-file[= ]|-f\s+|-o\s+)[\"']?(/(?:\$\([^)]*\)|`[^`]*`|[^\s\"';|&>])+)")
_CLOCK = re.compile(r"\$\([^)]*\)|`[^`]*`|\\?%[A-Za-z]|\$\{?[A-Za-z_]+\}?")
_COMMENT = re.compile(r"^\s*(#|;)")


@dataclass(frozen=True, slots=True)
class FoundBackup:
    """One backup that exists: which program makes it, where to, what it saves (no kinds: files), how one knows."""

    tool: str
    type: StoreType
    repository: str
    saves: frozenset[str]
    why: str

    @property
    def far_host(self) -> str:
        """The host its repository is on; empty for one on the same machine, or for a service without hosts."""
        found = re.match(
            r"(?:sftp:(?://)?|ssh://|rest:https?://)?(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+|[\w-]+(?=:)):?", self.repository
        )
        if not found or self.repository.startswith(("/", "s3:", "b2:", "azure:", "gs:", "swift:", "rclone:")):
            return ""
        return found[1]


def find_backups(files: Mapping[str, str]) -> list[FoundBackup]:
    """Return each backup once, in the order of the files; files are crontabs, scripts, units and settings."""
    found: dict[tuple[str, str], FoundBackup] = {}
    for path, text in files.items():
        for one in _in_file(path, text):
            known = found.get((one.type, one.repository))
            if known is None or len(known.saves) < len(one.saves):
                found[one.type, one.repository] = one
    named = {one.type for one in found.values() if one.repository}
    return [one for one in found.values() if one.repository or one.type not in named]


def _in_file(path: str, text: str) -> Iterator[FoundBackup]:
    lines = [line for line in text.splitlines() if not _COMMENT.match(line)]
    plain = "\n".join(lines)
    if "borgmatic" in path:
        for repository in _BORGMATIC.findall(_below(plain, "repositories")):
            yield FoundBackup("borgmatic", "borg", clean(repository)[:200], frozenset(), f"{path}")
        return
    for line in lines:
        for tool in dict.fromkeys(TOOL.findall(line)):
            yield _backup(tool, path, line, plain)


def _below(text: str, key: str) -> str:
    """Return the lines of a YAML list below a key: up to the next key of the same depth."""
    found = re.search(rf"(?m)^(\s*){key}:[^\n]*\n((?:\1\s*-[^\n]*\n?|\1\s+[^\n]*\n?)*)", text + "\n")
    return found[2] if found else ""


def _backup(tool: str, path: str, line: str, whole: str) -> FoundBackup:
    why = clean(f"{path}: {line}")[:200]
    if tool in DUMPS:
        into = _INTO.search(line)
        return FoundBackup(tool, "newest-file", _pattern(into[1]) if into else "", DUMPS[tool], why)
    if tool == "restic":
        said = _RESTIC.search(line) or _RESTIC.search(whole)
        return FoundBackup(tool, "restic", clean(said[1])[:200] if said else "", frozenset(), why)
    if tool in ("borg", "borgmatic"):
        said = _BORG_INTO.search(line) or _BORG.search(line) or _BORG.search(whole)
        return FoundBackup(tool, "borg", clean(said[1])[:200] if said else "", frozenset(), why)
    return FoundBackup(tool, "other", "", frozenset(), why)


def _pattern(path: str) -> str:
    """Return a pattern for the newest file: `*` where the command puts a date."""
    return re.sub(r"\*+", "*", _CLOCK.sub("*", clean(path)))[:200]
