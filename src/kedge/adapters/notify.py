"""apprise (https://github.com/caronc/apprise): some hundred services that take a message, each by a URL with its keys.

One URL a call, so that it is known which way took the message. Neither the URL nor what the library says of it, which
may repeat parts of it, is passed on.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import warnings
from datetime import timedelta
from typing import Any

from kedge.errors import OutsideError

KINDS = {"critical": "failure", "warning": "warning", "note": "info"}
"""A letter's severity as a type of apprise's."""
_TALKATIVE = ("apprise", "requests", "urllib3")


def has_apprise() -> bool:
    """Return whether the library is installed: `kedge[apprise]`."""
    return importlib.util.find_spec("apprise") is not None


async def notify(url: str, title: str, body: str, *, severity: str, limit: timedelta) -> bool:
    """Return whether the service behind a URL took a message; raises OutsideError for a URL that apprise knows not.

    Raises TimeoutError after the limit; whether the message arrived is not known then.
    """
    async with asyncio.timeout(limit.total_seconds()):
        return await asyncio.to_thread(_notify, url, title, body, KINDS.get(severity, "info"))


def _notify(url: str, title: str, body: str, kind: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what apprise itself imports (2.2: imghdr)
        one = _load().Apprise()
        is_known = one.add(url)
    if not is_known:
        raise OutsideError("the URL is none that apprise knows", hint="https://github.com/caronc/apprise/wiki")
    return bool(one.notify(body=body, title=title, notify_type=kind))


def _load() -> Any:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return importlib.import_module("apprise")
