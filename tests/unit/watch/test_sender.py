"""Ways a letter leaves, each against a far side that takes it, refuses it, or says nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.watch.letter import Letter
from kedge.watch.sender import Copy, MailSender, ProgramSender, Sender, WebSender, XmppSender, write_mail
from kedge.watch.sender import Login as Account
from tests.unit.probes.fakes import Answer, Here, serving, silent
from tests.unit.watch.play import START

LETTER = Letter(
    "wiki-1/down/1/anna", "wiki-1", "wiki", "down", "anna", "warning", "wiki ist ausgefallen: Übersicht",
    "Warum: es brach ab.\n.\n..und mehr\n", ("mail anna@example.org",), START, START,
)  # fmt: skip
COPY = Copy(LETTER, "anna@example.org")
QUICK = timedelta(seconds=0.5)


def smtp(kept: list[bytes], refuse: str = "") -> Answer:
    """A mail server that takes everything but one command."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org\r\n")
        while line := await reader.readline():
            word = line.decode().split()[0].upper()
            if refuse and line.decode().upper().startswith(refuse):
                writer.write(b"550 5.7.1 not from you\r\n")
            elif word == "DATA":
                writer.write(b"354 go on\r\n")
                kept.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 2.0.0 queued as 1\r\n")
            elif word == "QUIT":
                return
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()

    return answer


async def send(sender: Callable[[str, int], Sender], answer: Answer, copy: Copy = COPY) -> Observation:
    async with serving(answer) as address:
        return await sender(address.host, address.port).send(copy, Here())


def mailer(host: str, port: int) -> MailSender:
    return MailSender(host, port, "kedge@example.net", limit=timedelta(seconds=5))


async def test_mail_is_taken() -> None:
    kept: list[bytes] = []
    seen = await send(mailer, smtp(kept))
    assert (seen.status, seen.evidence["answer"]) == (Status.OK, "2.0.0 queued as 1")
    message = message_from_bytes(kept[0].removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert message["Subject"] == "[kedge] wiki ist ausgefallen: Übersicht"
    assert message["Message-ID"] == COPY.message_id
    assert message["X-Kedge-Repeated"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body().get_content().replace("\r\n", "\n") == LETTER.body  # type: ignore[union-attr]


async def test_mail_is_refused() -> None:
    for step in ("MAIL FROM", "RCPT TO", "DATA"):
        assert (await send(mailer, smtp([], step))).status is not Status.OK


async def test_a_silent_relay_is_given_up() -> None:
    seen = await send(lambda host, port: replace(mailer(host, port), limit=QUICK), silent)
    assert (seen.status, "did not come within" in seen.what) == (Status.DOWN, True)


def test_a_second_copy_says_so_and_has_the_same_id() -> None:
    again = replace(COPY, is_repeated=True)
    message = message_from_bytes(write_mail(again, "kedge@example.net"), policy=policy.default)
    assert message["Message-ID"] == COPY.message_id
    assert message["X-Kedge-Repeated"] == "yes"
    assert message.get_content().startswith("(Sent again")
    german = replace(again, letter=replace(LETTER, language="de"))
    assert german.text.startswith("(Noch einmal gesendet")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=80), st.text(max_size=20))
def test_any_letter_is_a_message(text: str, name: str) -> None:
    body = text.encode(errors="replace").decode()
    copy = Copy(replace(LETTER, body=body, id=f"wiki/{name.encode(errors='replace').decode()}"), "anna@example.org")
    message = message_from_bytes(write_mail(copy, "kedge@example.net"), policy=policy.default)
    assert message["Message-ID"].strip() == copy.message_id
    assert copy.message_id.isascii()


def http(kept: list[bytes], status: str = "200 OK") -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.decode().splitlines() if line.startswith("Content-Length: "))
        kept.append(head + await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return answer


async def post(is_ntfy: bool, answer: Answer, limit: timedelta = timedelta(seconds=5)) -> Observation:
    async with serving(answer) as at:
        return await WebSender(is_ntfy, limit).send(
            replace(COPY, address=f"http://{at.host}:{at.port}/hook?k=1"), Here()
        )


async def test_a_webhook_gets_json() -> None:
    kept: list[bytes] = []
    assert (await post(False, http(kept))).status is Status.OK
    head, _, body = kept[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?k=1 HTTP/1.1\r\n")
    said = json.loads(body)
    assert (said["thing"], said["to"], said["id"], said["repeated"]) == ("wiki", "anna", COPY.message_id, False)


async def test_ntfy_gets_text_and_a_priority() -> None:
    kept: list[bytes] = []
    assert (await post(True, http(kept))).status is Status.OK
    head, _, body = kept[0].partition(b"\r\n\r\n")
    assert b"Priority: high" in head
    assert b"Title: [kedge] wiki ist ausgefallen" in head
    assert body.decode() == LETTER.body


async def test_an_error_of_a_web_server_is_none_taken() -> None:
    assert (await post(False, http([], "503 busy"))).status is Status.DOWN
    assert (await post(False, silent, QUICK)).status is Status.DOWN


def test_a_bare_topic_is_one_of_ntfy_sh() -> None:
    assert WebSender(True).url_of("club-alarm") == "https://ntfy.sh/club-alarm"
    assert WebSender(True).url_of("https://ntfy.example.org/x") == "https://ntfy.example.org/x"


async def test_a_program_gets_text_and_settings(tmp_path: Path) -> None:
    out = tmp_path / "out"
    copy = replace(COPY, address=f'echo "$KEDGE_SUBJECT" > {out}; cat >> {out}')
    assert (await ProgramSender().send(copy, Here())).status is Status.OK
    assert out.read_text() == f"{copy.subject}\n{LETTER.body}"
    failed = await ProgramSender().send(replace(COPY, address="echo no room >&2; exit 3"), Here())
    assert (failed.status, failed.what) == (Status.DOWN, "it ended with 3: no room")


async def test_xmpp_without_encryption_gets_no_password() -> None:
    said: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.readuntil(b">"))
        stream = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        sasl = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
        writer.write(f"{stream}<stream:features>{sasl}</stream:features>".encode())
        await writer.drain()
        said.append(await reader.read())

    sender = Account("kedge", "geheim")
    seen = await send(lambda host, port: XmppSender("kedge@example.org", sender, host, port), answer)
    assert (seen.status, "no encryption" in seen.what) == (Status.DOWN, True)
    assert b"auth" not in b"".join(said)


def test_a_password_is_never_shown() -> None:
    assert "geheim" not in repr(MailSender("relay", login=Account("kedge", "geheim")))
