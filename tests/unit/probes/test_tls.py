"""The certificate probe, shown good certificates and every kind of bad one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.probes.certificate import NotACertificate, read_der, read_pem
from kedge.probes.tls import TlsProbe
from tests.unit.probes.conftest import Certified, make_certificate
from tests.unit.probes.fakes import QUICK, Lines, instance, serving, silent, unused_port

NOW = datetime.now(UTC)


async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def probe(certified: Certified, **changes: object) -> TlsProbe:
    made = TlsProbe("mail.example.org", limit=QUICK * 5, trust=certified.trust)
    return replace(made, **changes)  # type: ignore[arg-type]


async def look(certified: Certified, with_probe: TlsProbe) -> tuple[Status, str, dict[str, str]]:
    async with serving(quiet, certified.server) as address:
        seen = await with_probe.look(instance({"web": address}))
    return seen.status, seen.what, dict(seen.evidence)


async def test_a_good_one(certified: Certified) -> None:
    status, what, evidence = await look(certified, probe(certified))
    assert (status, what) == (Status.OK, "shows a certificate that is good")
    assert evidence["names"] == "mail.example.org"
    assert evidence["days left"] in ("89", "90")


@pytest.mark.parametrize(
    ("days", "status", "what"),
    [
        (70, Status.OK, "shows a certificate that is good"),
        (80, Status.DEGRADED, "shows a certificate that ends within 14 days"),
        (91, Status.DOWN, "shows a certificate that has expired"),
    ],
)
async def test_its_end_comes_closer(certified: Certified, days: int, status: Status, what: str) -> None:
    later = NOW + timedelta(days=days)
    assert (await look(certified, probe(certified, now=lambda: later)))[:2] == (status, what)


async def test_another_name_is_refused_and_read_all_the_same(certified: Certified) -> None:
    status, what, evidence = await look(certified, probe(certified, hostname="other.example.org"))
    assert status is Status.DOWN
    assert "Hostname mismatch" in what
    assert evidence["names"] == "mail.example.org"


async def test_nobody_vouches(certified: Certified) -> None:
    status, what, _ = await look(certified, probe(certified, trust=None))
    assert (status, "self-signed" in what) == (Status.DOWN, True)


async def test_a_newer_one_lies_unused(certified: Certified, tmp_path: Path) -> None:
    newer = make_certificate(tmp_path, "mail.example.org", "-days", "180")
    both = (PurePosixPath("/does/not/exist"), PurePosixPath(newer.file))
    status, what, evidence = await look(certified, probe(certified, renewed=both))
    assert (status, what) == (Status.DEGRADED, "was renewed, but still shows the old certificate")
    assert str(newer.file) in evidence["renewed"]


async def test_the_one_shown_is_the_newest(certified: Certified) -> None:
    assert (await look(certified, probe(certified, renewed=(PurePosixPath(certified.file),))))[0] is Status.OK


@pytest.mark.parametrize("answer", [silent, Lines(b"220 plain\r\n", {})])
async def test_no_tls_there(certified: Certified, answer: object) -> None:
    async with serving(answer) as address:  # type: ignore[arg-type]
        seen = await probe(certified, limit=QUICK).look(instance({"web": address}))
    assert seen.status is Status.DOWN


async def test_refused(certified: Certified) -> None:
    seen = await probe(certified).look(instance({"web": Address("127.0.0.1", unused_port())}))
    assert seen.status is Status.DOWN


async def test_a_copy_without_tls_has_none_to_show(certified: Certified) -> None:
    seen = await probe(certified).look(instance({"web": Address("127.0.0.1", 1, is_plain=True)}))
    assert seen.status is Status.UNKNOWN


def test_a_file_is_read_as_openssl_reads_it(certified: Certified) -> None:
    told = ssl._ssl._test_decode_cert(str(certified.file))  # type: ignore[attr-defined]
    read = read_pem(certified.file.read_bytes())
    assert f"{read.ends:%b %e %H:%M:%S %Y} GMT" == told["notAfter"]
    assert tuple(name for _, name in told["subjectAltName"]) == read.names


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_not(data: bytes) -> None:
    for read in (
        read_der,
        read_pem,
        lambda text: read_pem(b"-----BEGIN CERTIFICATE-----" + text + b"-----END CERTIFICATE-----"),
    ):
        with pytest.raises(NotACertificate):
            read(data)


@given(st.data())
def test_a_damaged_certificate_is_one_or_not(certified_once: bytes, data: st.DataObject) -> None:
    damaged = bytearray(certified_once)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotACertificate):
        assert read_der(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])).ends


@pytest.fixture(scope="module")
def certified_once(certified: Certified) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certified.file.read_text())
