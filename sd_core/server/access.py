"""Around every request: its line in the access log, its figures, and its end when the server stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .identity import Identity
from .logs import ACCESS
from .metrics import Metrics
from .quotas import require

_log = logging.getLogger(ACCESS)

_LONGEST_PATH = 300


class Streams:
    """The event streams that are open: counted for each identity, and ended when the server stops."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[object]] = set()
        self.stopping = False

    def count(self, identity: Identity) -> int:
        """How many of this identity are open."""
        return self._open[identity.name]

    @contextmanager
    def open_stream(self, identity: Identity) -> Iterator[None]:
        """One more stream of this identity.

        Raises:
            ServerError: 429, it has as many as it may have.
        """
        require(
            self._metrics, "streams", self._open[identity.name] + 1, identity.quota.streams, "when you have closed some"
        )
        self._open[identity.name] += 1
        try:
            yield
        finally:
            self._open[identity.name] -= 1

    @contextmanager
    def following(self) -> Iterator[None]:
        """The task that answers a request for events."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def stop(self) -> None:
        """End them all."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()


class Access:
    """ASGI middleware: the outermost one."""

    def __init__(self, app: ASGIApp, metrics: Metrics, streams: Streams) -> None:
        self._app = app
        self._metrics = metrics
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        answer = _Answer(send)
        start = time.perf_counter()
        try:
            await self._answer(scope, receive, answer)
        finally:
            self._log_answer(scope, answer, time.perf_counter() - start)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            if scope["path"].endswith("/events"):
                with self._streams.following():
                    await self._app(scope, receive, answer.send)
            else:
                await self._app(scope, receive, answer.send)
        except asyncio.CancelledError:
            if not self._streams.stopping:
                raise
            await answer.end()

    def _log_answer(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.count_answer(scope["method"], route, answer.status, seconds)
        identity: Identity | None = scope["state"].get("identity")
        # JSON escapes what is no letter. The query is left out: nothing secret belongs there, but somebody may try.
        fields = {
            "method": scope["method"],
            "path": scope["path"][:_LONGEST_PATH].encode("utf-8", "backslashreplace").decode(),
            "status": answer.status,
            "ms": round(1000 * seconds, 1),
            "bytes": answer.size,
            "identity": None if identity is None else identity.name,
        }
        _log.info("request", extra=fields)


class _Answer:
    """What has been sent; status 499 where the client was gone before there was an answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 499
        self.size = 0
        self._started = self._ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self._started = message["status"], True
        else:
            self.size += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
        await self._send(message)

    async def end(self) -> None:
        """What is under way ends here: the server stops, and clients connect again."""
        if not self._started:
            await self.send({"type": "http.response.start", "status": 503, "headers": [(b"connection", b"close")]})
        if not self._ended:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
