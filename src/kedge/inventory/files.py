"""Which files make an inventory, and their text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kedge.errors import InventoryError, Mistake
from kedge.inventory.text import UNPRINTABLE

EVIDENCE = "evidence.yaml"
MAX_BYTES = 64 * 2**20
_SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True)
class Files:
    """The files of an inventory, in name order, and where its attested facts would stand."""

    inventory: tuple[Path, ...]
    evidence: Path


def find_files(path: Path) -> Files:
    """Return the files of an inventory: one file, or all of a folder but hidden ones and `evidence.yaml`.

    Raises InventoryError if there is none.
    """
    try:
        if path.is_dir():
            return Files(_of_folder(path), path / EVIDENCE)
        if path.exists():
            return Files((path,), path.parent / EVIDENCE)
    except (OSError, ValueError) as error:
        raise _nothing(path, f"cannot be opened ({_reason(error)})") from error
    raise _nothing(path, "there is no such file or folder; name the inventory, a YAML file or a folder of them")


def _of_folder(folder: Path) -> tuple[Path, ...]:
    found = sorted(
        each
        for each in folder.iterdir()
        if each.suffix in _SUFFIXES and each.name != EVIDENCE and not each.name.startswith(".") and each.is_file()
    )
    if not found:
        raise _nothing(folder, "this folder holds no *.yaml file; an inventory begins with `organisation:`")
    return tuple(found)


def _nothing(path: Path, sentence: str) -> InventoryError:
    return InventoryError([Mistake(str(path), 1, 1, sentence)])


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def read_text(path: Path, mistakes: list[Mistake]) -> str | None:
    """Return a file's text, None if it cannot be read at all; what is not text becomes U+FFFD and a mistake."""
    file = str(path)
    try:
        if not path.is_file():
            raise OSError(0, "it is not a file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        mistakes.append(Mistake(file, 1, 1, f"cannot be read ({_reason(error)})"))
        return None
    if len(content) > MAX_BYTES:
        mistakes.append(Mistake(file, 1, 1, f"is larger than {MAX_BYTES // 2**20} MiB; is this an inventory?"))
        return None
    return clean(content, file, mistakes)


def clean(content: bytes, file: str, mistakes: list[Mistake]) -> str | None:
    """Return bytes as text without byte order mark; None, and a mistake, where it cannot be text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        mistakes.append(Mistake(file, 1, 1, "this file is UTF-16: save it as UTF-8"))
        return None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        found = f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        before = content[: error.start].decode(errors="replace")
        mistakes.append(_at_end_of(before, file, found))
        text = content.decode(errors="replace")
    return _without_controls(text, file, mistakes)


def _without_controls(text: str, file: str, mistakes: list[Mistake]) -> str:
    found = UNPRINTABLE.search(text)
    if not found:
        return text
    name = f"U+{ord(found[0]):04X}"
    mistakes.append(_at_end_of(text[: found.start()], file, f"an invisible character ({name}) stands here: remove it"))
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _at_end_of(before: str, file: str, sentence: str) -> Mistake:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Mistake(file, len(lines), len(lines[-1]) + 1, sentence)
