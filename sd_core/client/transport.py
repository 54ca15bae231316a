"""HTTP to one server over kept connections."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from ..errors import RequestError, SDError, ServerError, error_from_dict
from ..wire.results import Json

T = TypeVar("T")

_TIMEOUT = 60.0
"""Seconds without a byte; the server sends a comment every 15 s while it has nothing to tell."""

_CLOSED = "fetch the pictures of an animation before close(), or connect again"

_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_FAILURES = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of a response."""

    status: int
    body: bytes

    def json(self) -> Json:
        """The body as JSON; whatever is none comes from no server of ours."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerError("the answer is no JSON", status=self.status, hint="check the URL") from error


class Transport:
    """Sends requests; safe to use from any thread. Every request may be repeated, so a lost connection is tried again.

    url: `http://host:port` or `https://...`, with the prefix of a proxy where there is one. token: bearer token, empty for
    none. patience: seconds for which a server that does not answer is tried again.
    """

    def __init__(self, url: str, token: str, patience: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestError("url", f"is no http URL: {url!r}", hint="such as http://127.0.0.1:8765")
        self.url = url.rstrip("/")
        self.patience = patience
        self._parts = parts
        # Also an empty one: who sends none at all is answered as a probe, which learns little more than that all is well.
        self._headers = {"Authorization": f"Bearer {token}"}
        self._free: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def json(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Json:
        """The JSON answer to a request; raises the error that the server tells."""
        body = None if data is None else json.dumps(data, allow_nan=False).encode()
        return self.check(self.send(method, path, body, {"Content-Type": "application/json"})).json()

    def check(self, answer: Answer) -> Answer:
        """The answer, or the error that it describes, raised."""
        if answer.status >= 400:
            raise error_of_answer(answer)
        return answer

    def send(
        self, method: str, path: str, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, whatever its status.

        Raises:
            ServerError: no answer within `patience` seconds.
        """
        return self.retry(lambda: self._send(method, path, body, headers or {}))

    def retry(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, tried again while the connection fails."""
        give_up, pause = time.monotonic() + self.patience, _PAUSE
        while True:
            try:
                return attempt()
            except _FAILURES as error:
                if self._closed or time.monotonic() + pause > give_up:
                    raise self.no_answer(error) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def no_answer(self, error: Exception) -> ServerError:
        """What to tell when the connection failed for good."""
        if self._closed:
            return ServerError("this client is closed", hint=_CLOSED)
        return ServerError(f"no answer from {self.url} ({error})", hint="start it with: sd-core serve")

    def open_stream(
        self, path: str, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A connection of its own with a response that goes on and on."""
        connection = self._connect()
        try:
            connection.request("GET", self._path(path), headers={**self._headers, **headers})
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connections; what is under way fails."""
        with self._lock:
            self._closed = True
            for connection in self._free:
                connection.close()
            self._free.clear()

    @property
    def is_closed(self) -> bool:
        """Whether `close` has been called."""
        return self._closed

    def _send(self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]) -> Answer:
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        connection = self._take()
        try:
            connection.request(method, self._path(path), body, {**self._headers, **headers})
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return answer

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._closed:
                raise ServerError("this client is closed", hint=_CLOSED)
            return self._free.pop() if self._free else self._connect()

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._free.append(connection)
                return
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        assert self._parts.hostname is not None
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname, self._parts.port, timeout=_TIMEOUT)

    def _path(self, path: str) -> str:
        return f"{self._parts.path.rstrip('/')}{path}"


def error_of_answer(answer: Answer) -> SDError:
    """The error that an answer describes; one of its own kind where it comes from something else, such as a proxy."""
    try:
        data = json.loads(answer.body)
        if isinstance(data, dict):
            return error_from_dict(data)
    except (ValueError, RequestError):
        pass
    text = answer.body[:200].decode("utf-8", "replace")
    return ServerError(f"status {answer.status}: {text}", status=answer.status, hint="check the URL")
