"""Run a server until it is told to stop."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn
from filelock import AcquireReturnProxy, FileLock, Timeout

from ..errors import ServerError
from ..wire.home import Announcement, remove_announcement, write_announcement
from .app import make_app
from .logs import start_logging
from .service import Service
from .settings import ServerSettings
from .store import open_store

_GRACE = 3
"""Seconds that open connections have when the server stops."""


def serve(settings: ServerSettings, on_listening: Callable[[Announcement], None]) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input is closed where the settings say so.

    Args:
        settings: how.
        on_listening: told the URL and the token once connections are accepted.

    Raises:
        ServerError: another server uses the folder, or the port is taken.
        JournalError: the journal is damaged; a copy has been kept.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(settings.home), _listen(settings) as listener:
        start_logging(settings.home / "logs")
        store = open_store(settings)
        try:
            _serve(Service(store), settings, listener, on_listening)
        finally:
            store.database.close()


def new_token() -> str:
    """A random bearer token."""
    return secrets.token_urlsafe(32)


def _serve(
    service: Service, settings: ServerSettings, listener: socket.socket, on_listening: Callable[[Announcement], None]
) -> None:
    config = uvicorn.Config(
        make_app(service), log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE, server_header=False
    )
    server = uvicorn.Server(config)
    announcement = Announcement(url=_url(settings, listener), token=settings.token, pid=os.getpid())
    write_announcement(settings.home, announcement)
    try:
        on_listening(announcement)
        if settings.live_as_long_as_parent:
            threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
        server.run(sockets=[listener])
    finally:
        remove_announcement(settings.home, announcement.pid)


def _stop_with_parent(server: uvicorn.Server) -> None:
    """Wait for the end of standard input, which comes however the parent ends."""
    while sys.stdin.buffer.read(1024):
        pass
    server.should_exit = True


def _lock(home: Path) -> AcquireReturnProxy:
    """The operating system lets go of it when the process ends, however that is."""
    try:
        return FileLock(home / "server.lock").acquire(timeout=0)
    except Timeout as error:
        raise ServerError(
            f"another server uses {home}", hint="connect to it, or set SD_CORE_HOME to another folder"
        ) from error


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named, as asyncio sends small packets at once only where it sees that the protocol is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
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
