"""A stream of XML cut into its elements (RFC 6120 §4): incremental, and closed to everything XMPP forbids."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate

HELD_LIMIT = 256 * 1024
DEPTH_LIMIT = 32


class NotXmpp(Exception):  # noqa: N818 - caught where a probe says so
    """What came is no XMPP stream."""


@dataclass
class Element:
    """One element: namespace and local name, its attributes, text and children."""

    namespace: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, name: str) -> Element | None:
        """Return the first child of this local name."""
        return next((child for child in self.children if child.name == name), None)


class Stanzas:
    """Takes bytes as they come; `ready` holds the complete elements below the root, oldest first.

    `header` is the root once it was opened, `is_over` says that it was closed again.
    """

    def __init__(self) -> None:
        self.header: Element | None = None
        self.ready: deque[Element] = deque()
        self.is_over = False
        self._open: list[Element] = []
        self._held = b""
        self._has_begun = False
        self._parser = ParserCreate("UTF-8", " ")  # RFC 6120 §11.6: nothing else
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse  # RFC 6120 §11.1; and entities could grow without end

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises NotXmpp if they are no such XML.

        Expat gets whole tags only: newer versions put off reading a tag again that they saw half of (reparse deferral,
        2.6), and would keep a complete answer to themselves until more arrives, which it never does.
        """
        data = self._held + data
        if not self._has_begun and data.strip():
            self._has_begun = True
            if data.strip()[:1] != b"<":
                raise NotXmpp("it does not begin with a tag")
        cut = data.rfind(b">") + 1
        self._held = data[cut:]
        if len(self._held) > HELD_LIMIT:
            raise NotXmpp(f"a tag or text longer than {HELD_LIMIT} bytes")
        try:
            self._parser.Parse(data[:cut], False)
        except (ExpatError, ValueError, LookupError) as error:
            raise NotXmpp(str(error)) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        element = Element(namespace, local, attributes)
        if self.header is None:
            self.header = element
        elif len(self._open) > DEPTH_LIMIT:
            raise NotXmpp(f"elements nest deeper than {DEPTH_LIMIT}")
        elif len(self._open) > 1:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1:
            self.ready.append(element)
        self.is_over = not self._open

    def _text(self, text: str) -> None:
        if len(self._open) > 1:
            self._open[-1].text += text

    def _refuse(self, *_: object) -> None:
        raise NotXmpp("a document type declaration")
