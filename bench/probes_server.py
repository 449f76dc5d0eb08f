"""The far side of bench/probes.py: so many healthy web servers, greeting servers and silent ones, in one process.

Prints one line of JSON with their ports and serves until its standard input ends.
"""

import asyncio
import json
import sys

PAGE = b"<!doctype html><title>Welcome</title><p>Welcome to the bench." + b" " * 2000
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE
)


class Web(asyncio.Protocol):
    """Answers any request with one page, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)  # type: ignore[attr-defined]
            self.transport.close()


class Greeter(asyncio.Protocol):
    """Greets as a POP3 server does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        transport.write(b"+OK ready\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Say nothing more."""


async def serve(healthy: int, silent: int) -> None:
    """Serve until nobody wants it any more."""
    loop = asyncio.get_running_loop()
    kinds = {"web": (Web, healthy), "greeting": (Greeter, healthy), "silent": (asyncio.Protocol, silent)}
    servers = {
        name: [await loop.create_server(kind, "127.0.0.1", 0, backlog=512) for _ in range(count)]
        for name, (kind, count) in kinds.items()
    }
    ports = {name: [one.sockets[0].getsockname()[1] for one in found] for name, found in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
