"""The web probe, shown a healthy server and every way of not being one."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.adapters.local import LocalNet, LocalShell
from kedge.errors import OutsideError
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.probes.http import BODY_LIMIT_BYTES, HttpProbe, Mark

URL = "http://www.example.org/"
QUICK = timedelta(seconds=0.4)
LONG = timedelta(seconds=60)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Here:
    """This machine, with a network that can be told to fail."""

    net: LocalNet
    shell: LocalShell = field(default_factory=LocalShell)


@dataclass(frozen=True)
class Failing(LocalNet):
    failure: Exception

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        raise self.failure


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield Address(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()


def page(body: str | bytes, status: str = "200 OK", *headers: str, charset: str = "utf-8") -> Answer:
    data = body.encode(charset) if isinstance(body, str) else body
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers, "", "")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write("\r\n".join(lines).encode() + data)
        await writer.drain()

    return answer


def raw(data: bytes, *, reads: bool = True) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    return answer


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


def dripping_to_its_end(data: bytes) -> Answer:
    """Say this byte by byte."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for number in range(len(data)):
            writer.write(data[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0)

    return answer


def instance(dial: Address, net: LocalNet | None = None, mode: str = "live") -> Instance:
    return Instance(mode, Here(net or LocalNet()), {"web": dial})  # type: ignore[arg-type]


async def look(answer: Answer, probe: HttpProbe) -> tuple[Status, str]:
    async with serving(answer) as address:
        seen = await probe.look(instance(address))
        return seen.status, seen.what


class TestHealthy:
    async def test_status_text_and_evidence(self) -> None:
        async with serving(page("<title>Welcome</title>")) as address:
            seen = await HttpProbe(URL, "Welcome").look(instance(address))
        assert seen.status is Status.OK
        assert seen.evidence == {"url": URL, "status": "200", "bytes": "22"}
        assert seen.took > timedelta(0)

    @pytest.mark.parametrize(
        ("charset", "headers"),
        [
            ("utf-8", ()),
            ("iso-8859-1", ("Content-Type: text/html; charset=iso-8859-1",)),
            ("cp1251", ("Content-Type: text/html; charset=windows-1251",)),
            ("utf-16", ("Content-Type: text/html; charset=utf-16",)),
        ],
    )
    async def test_text_is_found_in_any_charset(self, charset: str, headers: tuple[str, ...]) -> None:
        text = "Привет" if charset == "cp1251" else "Grüße"
        assert (await look(page(f"<p>{text}", "200 OK", *headers, charset=charset), HttpProbe(URL, text)))[0] == "ok"

    async def test_the_pages_own_charset_counts_if_the_header_has_none(self) -> None:
        body = '<meta charset="latin1"><p>Grüße'
        assert (await look(page(body, charset="latin1"), HttpProbe(URL, "Grüße")))[0] == "ok"

    async def test_an_unknown_charset_is_read_as_utf8(self) -> None:
        answer = page("Grüße", "200 OK", "Content-Type: text/html; charset=klingon")
        assert (await look(answer, HttpProbe(URL, "Grüße")))[0] == "ok"

    async def test_entities_are_text(self) -> None:
        assert (await look(page("Gr&uuml;&szlig;e"), HttpProbe(URL, "Grüße")))[0] == "ok"

    async def test_a_chunked_answer(self) -> None:
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nWel\r\n4\r\ncome\r\n0\r\n\r\n"
        assert (await look(raw(data), HttpProbe(URL, "Welcome")))[0] == "ok"

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nWe welcome",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nWe \r\n7\r\nwelcome\r\n0\r\n\r\n",
        ],
    )
    async def test_an_answer_in_many_segments(self, data: bytes) -> None:
        assert (await look(dripping_to_its_end(data), HttpProbe(URL, "welcome", limit=LONG)))[0] == "ok"

    async def test_an_expected_status(self) -> None:
        assert (await look(page("no", "401 Unauthorized"), HttpProbe(URL, status=401)))[0] == "ok"

    async def test_a_redirect_to_itself_with_another_path(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            if path == b"/home":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhome")
            else:
                writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /home\r\n\r\n")

        assert await look(answer, HttpProbe(URL, "home")) == (Status.OK, "answered with status 200")

    async def test_the_name_comes_from_the_address_of_the_page(self) -> None:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        await look(answer, HttpProbe("http://bücher.example.org/regal?x=1"))
        assert b"GET /regal?x=1 HTTP/1.1" in asked[0]
        assert b"Host: xn--bcher-kva.example.org" in asked[0]


class TestDown:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (page("sorry", "500 Internal Server Error"), "answered with status 500"),
            (page("sorry", "503 Service Unavailable"), "answered with status 503"),
            (page("gone", "404 Not Found"), "answered with status 404"),
            (page("other text"), "answered without 'Welcome'"),
            (page(""), "answered without 'Welcome'"),
            (page("Cannot access the database"), "but with an error: it cannot reach its database"),
            (page("(Auf die Datenbank konnte nicht zugegriffen werden)", "500 Internal Server Error"),
             "answered with status 500: it cannot reach its database"),
            (page("Database inaccessible; contact the RT administrator (root)", "503 Service Unavailable"),
             "answered with status 503: it cannot reach its database"),
            (raw(b"SSH-2.0-OpenSSH_9.2\r\n", reads=False), "did not answer as HTTP"),
            (raw(b"\x00\xff\x1b[31m" * 99, reads=False), "did not answer as HTTP"),
            (raw(b""), "did not answer as HTTP"),
            (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nWelc"), "did not answer as HTTP"),
            (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99999 + b"\r\n\r\n"), "did not answer as HTTP"),
            (page("", "302 Found", f"Location: {URL}"), "redirected more than 10 times"),
            (page("", "302 Found", "Location: gopher://x/"), "did not answer as HTTP"),
            (silent, "did not answer within 0.4 s"),
            (dripping, "did not answer within 0.4 s"),
        ],
        ids=[
            "500", "503", "404", "other", "empty", "database", "wiki", "tickets", "ssh", "garbage", "hang-up", "cut", "header", "loop",
            "scheme", "silent", "drip",
        ],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        status, what = await look(answer, HttpProbe(URL, "Welcome", limit=QUICK))
        assert status is Status.DOWN
        assert said in what
        assert what.isprintable()

    async def test_an_error_page_with_status_200_is_down_without_an_expected_text(self) -> None:
        assert (await look(page("<h1>Error establishing a database connection</h1>"), HttpProbe(URL)))[0] == "down"

    async def test_a_page_about_errors_is_fine_if_its_text_is_there(self) -> None:
        assert (await look(page("Welcome. FAQ: Internal Server Error"), HttpProbe(URL, "Welcome")))[0] == "ok"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ("<title>Error establishing a database connection</title>" + "<p>" * 9999, "down"),
            ("<p>" * 9999 + "\nFatal error: Uncaught TypeError in index.php:1", "down"),
            ("<h1>Forum</h1>" + "<li>topic" * 999 + "<li>Internal Server Error, who knows?" + "<li>topic" * 999, "ok"),
        ],
    )
    async def test_somebody_who_writes_about_errors_is_no_error_page(self, body: str, status: str) -> None:
        assert (await look(page(body), HttpProbe(URL)))[0] == status

    async def test_a_page_of_another_program_is_not_the_one_that_was_asked_for(self) -> None:
        probe = HttpProbe(URL, mark=Mark("Request Tracker", "RT.CurrentUser"))
        assert (await look(page("<script>RT.CurrentUser = {}</script>"), probe))[0] == "ok"
        assert await look(page("It works!"), probe) == (Status.DOWN, "answered, but not as Request Tracker does")

    async def test_a_page_where_one_logs_in_first_bears_no_mark(self) -> None:
        async with serving(page("Log in")) as elsewhere:
            there = page("", "302 Found", f"Location: http://127.0.0.1:{elsewhere.port}/login")
            assert (await look(there, HttpProbe(URL, mark=Mark("Spirit", "stModules"))))[0] == "ok"

    async def test_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        seen = await HttpProbe(URL).look(instance(Address("127.0.0.1", port)))
        assert (seen.status, seen.what) == (Status.DOWN, "could not be connected to: Connection refused")

    async def test_no_tls_there(self) -> None:
        async with serving(raw(b"220 hello\r\n", reads=False)) as address:
            seen = await HttpProbe("https://www.example.org/").look(instance(address))
        assert seen.status is Status.DOWN
        assert seen.what.startswith("TLS failed")

    async def test_a_name_that_does_not_exist(self) -> None:
        net = Failing(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        seen = await HttpProbe(URL).look(instance(Address("www.example.org", 80), net))
        assert seen.status is Status.DOWN


class TestUnknown:
    @pytest.mark.parametrize(
        "failure",
        [
            OSError(errno.EMFILE, "Too many open files"),
            OSError(errno.ENETUNREACH, "Network is unreachable"),
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            OutsideError("the sandbox is gone"),
        ],
        ids=["files", "route", "resolver", "sandbox"],
    )
    async def test_what_fails_on_our_side(self, failure: Exception) -> None:
        seen = await HttpProbe(URL).look(instance(Address("127.0.0.1", 1), Failing(failure)))
        assert seen.status is Status.UNKNOWN

    async def test_nowhere_to_connect(self) -> None:
        seen = await HttpProbe(URL, endpoint="other").look(instance(Address("127.0.0.1", 1)))
        assert seen.status is Status.UNKNOWN

    async def test_text_that_may_lie_beyond_what_was_read(self) -> None:
        body = b"x" * BODY_LIMIT_BYTES + b"Welcome"
        status, what = await look(page(body), HttpProbe(URL, "Welcome"))
        assert (status, "first 1048576 bytes" in what) == (Status.UNKNOWN, True)

    async def test_a_redirect_out_of_a_copy(self) -> None:
        async with serving(page("", "302 Found", "Location: https://login.example.org/")) as address:
            seen = await HttpProbe(URL).look(instance(address, mode="sandbox"))
        assert seen.status is Status.UNKNOWN
        assert "https://login.example.org/" in seen.what


async def test_a_huge_page_is_read_no_further_than_the_limit() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    status, _ = await look(endless, HttpProbe(URL))
    assert status is Status.OK
    assert sent < 16 * BODY_LIMIT_BYTES


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate nobody vouches for, made by openssl(1)."""
    import shutil
    import subprocess

    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    key, made = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=www.example.org", "-addext", "subjectAltName=DNS:www.example.org"]
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*argv, *subject, "-keyout", key, "-out", made, "-days", "2"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return context


class TestTls:
    async def test_a_certificate_nobody_vouches_for_is_down(self, certificate: ssl.SSLContext) -> None:
        async with serving(page("Welcome"), certificate) as address:
            seen = await HttpProbe("https://www.example.org/").look(instance(address))
        assert seen.status is Status.DOWN
        assert "certificate was refused: self-signed" in seen.what

    async def test_a_trusted_one_is_ok_and_another_name_is_not(
        self, certificate: ssl.SSLContext, tmp_path: Path
    ) -> None:
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        async with serving(page("Welcome"), certificate) as address:
            good = await HttpProbe("https://www.example.org/", "Welcome", trust=trust).look(instance(address))
            other = await HttpProbe("https://other.example.org/", trust=trust).look(instance(address))
        assert good.status is Status.OK
        assert other.status is Status.DOWN

    async def test_a_copy_without_tls_is_asked_plainly_and_told_so(self) -> None:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nWelcome")

        async with serving(answer) as address:
            dial = Address(address.host, address.port, is_plain=True)
            seen = await HttpProbe("https://www.example.org/", "Welcome").look(instance(dial, mode="sandbox"))
        assert seen.status is Status.OK
        assert b"X-Forwarded-Proto: https" in asked[0]
