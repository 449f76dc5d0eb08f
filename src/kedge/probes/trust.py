"""Whose certificates count: made once for all probes, since loading the authorities takes longer than most looks."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def default_trust() -> ssl.SSLContext:
    """Return a context that checks chain and name against this machine's authorities."""
    return ssl.create_default_context()


@cache
def no_trust() -> ssl.SSLContext:
    """Return a context that encrypts and checks nothing: for copies in a sandbox, and for mail between servers.

    RFC 7435: a server that takes mail or XMPP from strangers may show any certificate, and senders do not care.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
