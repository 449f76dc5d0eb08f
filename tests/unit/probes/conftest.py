"""Certificates for fake servers; and time that stands still while anybody is busy."""

from __future__ import annotations

import inspect
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.idle_loop import run_idle


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test in a loop in which a busy machine makes nobody late."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    run_idle(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@dataclass(frozen=True)
class Certified:
    """A server's context, and who trusts it."""

    server: ssl.SSLContext
    trust: ssl.SSLContext
    file: Path


def make_certificate(folder: Path, name: str, *more: str) -> Certified:
    key, made = folder / f"{name}.key", folder / f"{name}.pem"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    days = more or ("-days", "90")
    subprocess.run([*argv, *subject, "-keyout", key, "-out", made, *days], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made, key)
    return Certified(server, ssl.create_default_context(cafile=str(made)), made)


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """A certificate for mail.example.org that nobody vouches for but `trust`."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    return make_certificate(tmp_path_factory.mktemp("certificate"), "mail.example.org")
