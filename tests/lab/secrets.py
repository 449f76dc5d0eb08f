"""What nobody may guess: passwords and keys, made anew for every lab."""

from __future__ import annotations

import json
import os
import secrets
import threading
from pathlib import Path


class Secrets:
    """Named random secrets, kept in one file with mode 0600; one that is asked for the first time is made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def __getitem__(self, name: str) -> str:
        """The secret: 24 letters and digits, safe in shells, SQL and URLs."""
        with self._lock:
            if name not in self._known:
                self._known[name] = secrets.token_hex(12)
                self._save()
            return self._known[name]

    def put(self, name: str, value: str) -> None:
        """Keep a secret that was made elsewhere (a key)."""
        with self._lock:
            self._known[name] = value
            self._save()

    def names(self) -> list[str]:
        """The names of the secrets made so far."""
        return sorted(self._known)

    def _save(self) -> None:
        half = self._file.with_suffix(".half")
        opened = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "w") as file:
            json.dump(self._known, file, indent=1)
        half.rename(self._file)
