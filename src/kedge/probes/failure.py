"""What a failed connection means: the far side is down, or we could not look."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from datetime import timedelta

from kedge.errors import OutsideError
from kedge.model.observation import Observation, Status

OURS = frozenset(
    {
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ENETUNREACH, errno.ENETDOWN,
        errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT,
    }
)  # fmt: skip
"""Errors of this side (no route at all, no descriptors left): they say nothing about the far side."""
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def judge_failure(failure: Exception, limit: timedelta) -> Observation:
    """Return `down` if the far side failed, `unknown` if we could not look; the sentence says which and how."""
    if isinstance(failure, TimeoutError):
        return Observation(Status.DOWN, f"did not answer within {limit.total_seconds():g} s")
    if isinstance(failure, ssl.SSLCertVerificationError):
        return Observation(Status.DOWN, f"its certificate was refused: {failure.verify_message}")
    if isinstance(failure, ssl.SSLError):
        return Observation(Status.DOWN, f"TLS failed: {failure.reason or failure.strerror or 'no TLS there'}")
    if isinstance(failure, socket.gaierror):
        is_down = failure.errno in NO_SUCH_NAME
        return Observation(Status.DOWN if is_down else Status.UNKNOWN, f"its name was not found: {failure.strerror}")
    if isinstance(failure, OutsideError):
        return Observation(Status.UNKNOWN, f"could not be looked at: {failure.message}")
    if isinstance(failure, OSError):
        reason = os.strerror(failure.errno) if failure.errno else str(failure)
        if failure.errno in OURS:
            return Observation(Status.UNKNOWN, f"could not be looked at from here: {reason}")
        return Observation(Status.DOWN, f"could not be connected to: {reason}")
    raise failure
