"""Connections: how many there may be, and how long one may take for the head of a request, or its body."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio import TimerHandle
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import ServerError

_MOST = 1000
"""Open connections, where the system lets one process open as many files."""

_HEAD_SECONDS = 10.0
"""For the first byte of a connection, and from the first byte of a request to the end of its headers."""

_HEAD_BYTES = 64 * 1024
"""Of request line and headers; ours have a few hundred, a browser's with cookies of other programs on this host some thousand."""

_SILENT_SECONDS = 30.0
"""Without a byte of a body that is not complete; and for all the rest of one that has been refused."""

_SLOWEST = 8 * 1024
"""Bytes a second over a whole body: a line of 64 kbit/s, the slowest anybody may still have."""

_STRANGER_REQUESTS = 16
_STRANGER_SECONDS = 10.0
"""After either, the next answer to somebody without a token is the last on its connection; /docs with its files needs six."""

_FILES = 65_536
"""Open files that the server asks for; some systems allow so many that tools which go through all of them take minutes."""

BACKLOG = 128
"""Connections that the system keeps until they are accepted, all of them at once: as many files as may be open beyond the limit."""


def connection_limit() -> int:
    """Half of the files that this process may open; the rest is for blobs, the journal and engines."""
    if sys.platform == "win32":
        return _MOST
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(16, min(_MOST, soft // 2))


def raise_file_limit() -> None:
    """Let this process open as many files as the system lets it, where that is not done from the start."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Connection(HttpToolsProtocol):
    """One connection: closed when it dawdles before its request is understood, or when there are too many.

    Whoever has shown a right token is never closed for others. Of strangers, those go first that come from the address with the
    most of them, the oldest first, so that there is always room for one more that may have a token.
    """

    head_seconds = _HEAD_SECONDS
    head_bytes = _HEAD_BYTES
    linger_seconds = _SILENT_SECONDS

    identity_name: str | None = None
    """The name of the identity whose token was shown here."""

    opened = 0.0

    _deadline: TimerHandle | None = None
    _in_head = True
    _head_size = 0
    _requests = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.opened = self.loop.time()
        self._await_head()
        if len(self.connections) > connection_limit():
            self._make_room()

    def trust(self, name: str, *, is_admin: bool) -> bool:
        """Note whose token was shown here; whether there is room for it: no user may have more than half of all connections."""
        if self.identity_name != name and not is_admin:
            open_connections = sum(other.identity_name == name for other in self._all())
            if open_connections >= max(1, connection_limit() // 2):
                return False
        self.identity_name = name
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        while data and not self.transport.is_closing():
            # The parser keeps what it has read of the headers, however much that is.
            size = self.head_bytes - self._head_size if self._in_head else len(data)
            self._read(data[:size])
            data = data[size:]

    def _read(self, part: bytes) -> None:
        was_in_head, requests = self._in_head, self._requests
        super().data_received(part)
        if was_in_head and self._in_head and self._requests == requests:
            self._head_size += len(part)
            if self._head_size >= self.head_bytes and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        self._requests += 1
        self.scope.setdefault("state", {})["connection"] = self
        super().on_headers_complete()
        if self.identity_name is None and self._has_used_allowance():
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A body that nobody wants any more is read to its end, as most clients look for the answer only then.
        if self.cycle.more_body and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.linger_seconds, self.transport.close)

    def _has_used_allowance(self) -> bool:
        return self._requests >= _STRANGER_REQUESTS or self.loop.time() - self.opened > _STRANGER_SECONDS

    def _all(self) -> Iterator[Connection]:
        return (cast("Connection", other) for other in self.connections)

    def _make_room(self) -> None:
        strangers = [other for other in self._all() if other.identity_name is None and other is not self]
        counts = Counter(other.peer for other in strangers)
        oldest = min(strangers, key=lambda other: (-counts[other.peer], other.opened), default=self)
        # At once, as those that are only about to be closed have their files open still.
        self.connections.discard(oldest)
        oldest.transport.abort()

    @property
    def peer(self) -> str:
        """The address at the other end."""
        return self.client[0] if self.client else ""

    def _await_head(self) -> None:
        self._end_head()
        self._in_head, self._head_size = True, 0
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _end_head(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Patience:
    """ASGI middleware: a body that does not come, or comes too slowly, ends its request with 408."""

    def __init__(self, app: ASGIApp, silence: float = _SILENT_SECONDS, slowest: float = _SLOWEST) -> None:
        self._app = app
        self._silence = silence
        self._slowest = slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, self._silence, self._slowest)
        await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request. Only the time in which the server waits counts: its own disk may be slow."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, silence: float, slowest: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._silence, self._slowest = silence, slowest
        self._waited, self._size = 0.0, 0
        self._complete = self._answered = self._has_given_up = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        start = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), self._silence)
        except TimeoutError:
            return await self._give_up(f"no byte has come for {self._silence:.0f} s")
        self._waited += time.monotonic() - start
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if not self._complete and self._waited > self._silence and self._size < self._slowest * self._waited:
            return await self._give_up(f"less than {self._slowest:.0f} bytes a second have come")
        return message

    async def send(self, message: Message) -> None:
        if not self._has_given_up:
            self._answered = True
            await self._send(message)

    async def _give_up(self, reason: str) -> dict[str, Any]:
        self._complete = True
        if not self._answered:
            error = ServerError(reason, status=408, hint="send it again over a better connection")
            answer = JSONResponse(error.to_dict(), 408, headers={"Connection": "close"})
            await answer(self._scope, self._receive, self._send)
        self._has_given_up = True
        return {"type": "http.disconnect"}
