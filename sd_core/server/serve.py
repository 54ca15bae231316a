"""Run a server until it is asked to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from filelock import FileLock, Timeout

from ..errors import ServerError
from ..wire.announcement import Announcement, remove_announcement, write_announcement
from ..wire.private import make_private
from .app import make_app
from .connections import BACKLOG, Connection, raise_file_limit
from .logs import flush_logs, start_logging
from .service import Service
from .settings import ServerSettings
from .state import open_store
from .stop import Stop

_log = logging.getLogger(__name__)

_GRACE = 2
"""Seconds that requests have when the server stops; with those that engines and journal take it stays below five."""

_PRIVATE_UMASK = 0o077
"""What is written is for this user alone."""


def serve(settings: ServerSettings, on_listening: Callable[[Announcement], None], stop: Stop | None = None) -> None:
    """Serve until `stop` says so, or until standard input is closed where the settings say so.

    Args:
        settings: how.
        on_listening: called with the URL and the token once connections are accepted.
        stop: None: SIGINT, SIGTERM and SIGHUP.

    Raises:
        ServerError: the folder cannot be used, another server uses it, or the port is taken.
        JournalError: the journal is damaged; a copy has been kept.
    """
    stop = stop or Stop()
    with _umask(), stop.on_signals():
        if settings.live_as_long_as_parent:
            stop.with_parent()
        raise_file_limit()
        repaired = make_private(settings.home)
        with _lock(settings.home), contextlib.closing(_listen(settings)) as listener:
            with _explaining(settings.home):
                start_logging(settings.home / "logs")
            for said in repaired:
                _log.warning("%s: now only by its owner", said)
            _serve(settings, listener, on_listening, stop)


def new_token() -> str:
    """A random bearer token."""
    return secrets.token_urlsafe(32)


def _serve(
    settings: ServerSettings, listener: socket.socket, on_listening: Callable[[Announcement], None], stop: Stop
) -> None:
    with _explaining(settings.home):
        store = open_store(settings)
    try:
        if stop.requested:
            return
        server = _Server(make_app(Service(store)), stop)
        announcement = Announcement(url=_url(settings, listener), token=settings.token, pid=os.getpid())
        flush_logs()
        with _announcing(settings.home, announcement):
            on_listening(announcement)
            server.run(sockets=[listener])
        if server.failure is not None:
            raise server.failure
    finally:
        store.database.close()


class _Server(uvicorn.Server):
    """Stops when asked to, and ends the event streams first, which would go on for as long as their jobs."""

    def __init__(self, app: FastAPI, stop: Stop) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                backlog=BACKLOG,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_GRACE,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._state = app.state
        self._stop = stop

    @property
    def failure(self) -> Exception | None:
        """Why the service could not start."""
        return self._state.failure

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are `Stop`'s."""
        yield

    async def on_tick(self, counter: int) -> bool:
        self.should_exit = self.should_exit or self._stop.requested or self.failure is not None
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.streams.stop()
        await super().shutdown(sockets)


@contextlib.contextmanager
def _umask() -> Iterator[None]:
    before = os.umask(_PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _explaining(home: Path) -> Iterator[None]:
    """What the system refuses in the folder, in a sentence."""
    try:
        yield
    except OSError as error:
        path = error.filename or home
        raise ServerError(
            f"{path} cannot be used: {error.strerror or error}", hint="free some space, or take another SD_CORE_HOME"
        ) from error


@contextlib.contextmanager
def _announcing(home: Path, announcement: Announcement) -> Iterator[None]:
    write_announcement(home, announcement)
    try:
        yield
    finally:
        remove_announcement(home, announcement.pid)


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    """The operating system lets go of it when the process ends, however that is."""
    lock = FileLock(home / "server.lock", mode=0o600)
    with _explaining(home):
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ServerError(
                f"another server uses {home}", hint="connect to it, or set SD_CORE_HOME to another folder"
            ) from error
    try:
        yield
    finally:
        lock.release()


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named, as asyncio sends small packets at once only where it sees that the protocol is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}",
            hint="choose another --port; 0 takes a free one",
        ) from error
    return listener


def _url(settings: ServerSettings, listener: socket.socket) -> str:
    host = "127.0.0.1" if settings.is_wildcard else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
