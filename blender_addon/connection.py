# SPDX-License-Identifier: GPL-3.0-or-later
"""The server: found, started, asked how it is. Whatever waits for it runs outside the main thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from sd_core.backend import LoraFacts, ModelFacts
from sd_core.client import Client, ServerProcess, connect, start_server
from sd_core.error_codes import ErrorCode
from sd_core.errors import SDError, ServerError

from .preferences import Preferences, read_preferences

_PATIENCE = 8.0
"""Seconds for which a server that was there and does not answer is tried again."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ServerState(StrEnum):
    """How the server is, as far as is known."""

    UNKNOWN = "unknown"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What panels show.

    health: as `GET /v1/health` gives it. models, loras: as `Client.models` and `Client.loras`. error: why there is no server.
    """

    state: ServerState = ServerState.UNKNOWN
    url: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[ModelFacts] = ()
    loras: Sequence[LoraFacts] = ()
    error: SDError | None = None


class Connection:
    """One server at a time, shared by all jobs."""

    def __init__(self) -> None:
        self.status = ServerStatus()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._key: tuple[object, ...] = ()
        self._process: ServerProcess | None = None

    def client(self, preferences: Preferences) -> Client:
        """A client of the server that the preferences name, which is started where there is none.

        Waits, so it is not for the main thread.

        Raises:
            ServerError: no server, with what to do.
        """
        with self._lock:
            key = (preferences.url, preferences.token, preferences.python, preferences.data_folder)
            if self._client is not None and self._key == key and self._is_reachable():
                return self._client
            self._disconnect()
            self.status = ServerStatus(state=ServerState.STARTING)
            try:
                self._client, self._key = self._open(preferences), key
            except SDError as error:
                self.status = ServerStatus(state=ServerState.FAILED, error=error)
                raise
            self.status = ServerStatus(state=ServerState.READY, url=self._client.url)
            return self._client

    def find(self, preferences: Preferences) -> ServerStatus:
        """How the server is now, without starting one. Waits, so it is not for the main thread."""
        if self._lock.acquire(blocking=False):
            try:
                self.status = self._query_status(preferences)
            finally:
                self._lock.release()
        return self.status

    def refresh(self, preferences: Preferences) -> None:
        """Ask again for the models and LoRAs that the server offers; does nothing where none runs. Waits.

        Raises:
            ServerError: it does not answer.
        """
        self.status = replace(self.status, models=(), loras=())
        self.find(preferences)

    def free_memory(self, preferences: Preferences) -> None:
        """Let the server that runs give its memory back; does nothing where none runs. Waits.

        Raises:
            ServerError: it does not answer.
        """
        if self.find(preferences).state is ServerState.READY and self._client is not None:
            self._client.free_memory()

    def stop(self, patience: float = -1) -> None:
        """Leave the server; the one that was started here ends by itself.

        Args:
            patience: seconds to wait for a thread that is just starting or asking it; -1: as long as that takes.
        """
        alone = self._lock.acquire(timeout=patience)
        try:
            self._disconnect()
            self._end_process()
            self.status = ServerStatus()
        finally:
            if alone:
                self._lock.release()

    def record_error(self, error: SDError) -> None:
        """Let the panels show why something with the server did not work."""
        self.status = replace(self.status, error=error)

    @property
    def is_started_here(self) -> bool:
        """Whether the server is a child of this Blender."""
        return self._process is not None and self._process.process.poll() is None

    def _is_reachable(self) -> bool:
        assert self._client is not None
        if self._process is not None and self._process.process.poll() is not None:
            return False
        try:
            self._client.health()
        except SDError:
            return False
        return True

    def _query_status(self, preferences: Preferences) -> ServerStatus:
        try:
            if self._client is None:
                self._client = self._connect(preferences)
                self._key = (preferences.url, preferences.token, preferences.python, preferences.data_folder)
            health = self._client.health()
            known = self.status if self.status.models else self._with_models(self._client)
            return replace(known, state=ServerState.READY, url=self._client.url, health=health, error=None)
        except SDError as error:
            self._disconnect()
            kept = self.status.error if self.status.state is ServerState.FAILED else None
            return ServerStatus(
                error=kept or error, state=ServerState.FAILED if kept or preferences.url else ServerState.UNKNOWN
            )

    def _with_models(self, client: Client) -> ServerStatus:
        """With what the server has for requests; while its engine is starting that is asked for at every look."""
        try:
            return replace(self.status, models=client.models(), loras=_loras_of(client))
        except ServerError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return self.status

    def _open(self, preferences: Preferences) -> Client:
        try:
            return self._connect(preferences)
        except SDError:
            if preferences.url:
                raise
        return self._start(preferences)

    def _connect(self, preferences: Preferences) -> Client:
        if not preferences.url:
            return connect(home=preferences.data_folder, patience=_PATIENCE)
        if not preferences.online and urlsplit(preferences.url).hostname not in _LOOPBACK:
            raise ServerError(
                "Blender's online access is off",
                hint="allow online access in the preferences, under System",
                code=ErrorCode.NETWORK_NOT_ALLOWED,
            )
        return connect(preferences.url, preferences.token, patience=_PATIENCE)

    def _start(self, preferences: Preferences) -> Client:
        if not preferences.python:
            raise ServerError(
                "no Python with sd_core was found",
                hint='install it (pip install "sd-core[all]") or choose its Python in the preferences of the extension',
                code=ErrorCode.SERVER_NOT_INSTALLED,
            )
        self._end_process()
        self._process = start_server(
            preferences.python,
            ("--device", preferences.device),
            home=preferences.data_folder,
            environment={} if preferences.online else {"HF_HUB_OFFLINE": "1"},
            timeout=120,
        )
        client = self._process.connect()
        client.patience = _PATIENCE
        return client

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def _end_process(self) -> None:
        """A server that lives as long as its parent ends when its input is closed; a thread waits for that."""
        if self._process is not None:
            threading.Thread(target=self._process.stop, name="sd_core-farewell", daemon=True).start()
        self._process = None


def _loras_of(client: Client) -> Sequence[LoraFacts]:
    """A server of an earlier release lists none."""
    try:
        return client.loras()
    except ServerError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return ()


server = Connection()
"""The connection of this Blender."""


class StatusPoller:
    """Asks the server how it is, in a thread of its own, as long as a panel shows it."""

    _INTERVAL = 3.0
    """Seconds between two questions, and for which a panel counts as shown after it was drawn."""

    def __init__(self) -> None:
        self._last_drawn = self._asked = 0.0
        self._shown = server.status

    def note_drawn(self) -> None:
        """A panel shows the status."""
        self._last_drawn = time.monotonic()

    def tick(self) -> bool:
        """Ask again if it is time; gives whether the status has changed since the last call. For the main thread."""
        now = time.monotonic()
        if now - self._last_drawn < 2 * self._INTERVAL and now - self._asked > self._INTERVAL:
            self._asked = now
            threading.Thread(target=server.find, args=(read_preferences(),), name="sd_core-watch", daemon=True).start()
        changed, self._shown = self._shown != server.status, server.status
        return changed


status_poller = StatusPoller()
"""The only one."""
