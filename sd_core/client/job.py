"""A job on a server, followed over a stream of events that survives lost connections."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace as changed
from typing import Any

from ..errors import SDError, ServerError
from ..events import LAST_KINDS, Event, ResultEvent
from ..jobs import Job
from ..requests import Request, from_json
from ..results import Result
from ..values import Array
from ..wire import event_from_dict
from ..wire.results import blobs_named
from .transport import Answer, Transport, error_of_answer

_PAUSE = 0.2
_TEMPORARY = frozenset({502, 503, 504})
"""Answers of a proxy whose server is just being started again."""

Restore = Callable[[Request], Request]
"""Puts back the paths that the request had before its files were sent."""


class RemoteJob(Job):
    """As a job of the engine in process. It goes on when this program ends: `Client.job(id)` finds it again.

    Events are fetched from the first time that somebody asks for them, and so is the request where only its JSON is given.
    """

    def __init__(
        self,
        transport: Transport,
        fetch: Callable[[str], Array],
        request: Request | Mapping[str, Any],
        restore: Restore,
        job_id: str,
    ) -> None:
        super().__init__(request if isinstance(request, Request) else lambda: self._decode(request), id=job_id)
        self._transport = transport
        self._fetch = fetch
        self._restore = restore
        self._arrays = request.arrays() if isinstance(request, Request) else {}
        self._reader: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether the job has ended, as far as is known here."""
        self._listen()
        return super().done

    def cancel(self) -> None:
        """Stop the job: at once if it waits, before its next step if it runs. Has no effect on one that has ended."""
        self._cancel.set()
        self._transport.json("DELETE", f"/v1/jobs/{self.id}")
        self._listen()

    def events(self) -> Iterator[Event]:
        """Every event from the first to the last; see `Job.events`."""
        self._listen()
        return super().events()

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the result; see `Job.result`."""
        self._listen()
        return super().result(timeout)

    def _listen(self) -> None:
        with self._starting:
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name=f"sd_core-job-{self.id}", daemon=True)
                self._reader.start()

    def _read(self) -> None:
        try:
            for data in self._stream():
                self.report(self._event(data))
        except SDError as error:
            self.fail(error)
        except Exception as error:
            # Whoever waits for the job must hear that nothing more will come.
            self.fail(ServerError(f"events cannot be read: {error!r}", hint="server and client must be of one version"))
            raise

    def _event(self, data: dict[str, Any]) -> Event:
        event = event_from_dict(data, self._find)
        if isinstance(event, ResultEvent):
            return ResultEvent(changed(event.result, request=self._restore(event.result.request)))
        return event

    def _decode(self, body: Mapping[str, Any]) -> Request:
        self._arrays = {digest: self._fetch(digest) for digest in blobs_named(body)}
        return from_json(json.dumps(body), self._arrays)

    def _find(self, digest: str) -> Array:
        return self._arrays[digest] if digest in self._arrays else self._fetch(digest)

    def _stream(self) -> Iterator[dict[str, Any]]:
        """Each event once, over as many connections as it takes."""
        last, alive = 0, time.monotonic()
        while True:
            failure: Exception = ConnectionError("the stream has ended early")
            try:
                for number, data in _events(self._transport, self.id, last):
                    yield data
                    last, alive = number, time.monotonic()
                    if data["kind"] in LAST_KINDS:
                        return
            except (OSError, http.client.HTTPException) as error:
                failure = error
            if self._transport.is_closed or time.monotonic() - alive > self._transport.patience:
                raise self._transport.no_answer(failure) from failure
            time.sleep(_PAUSE)


def _events(transport: Transport, job_id: str, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    connection, response = transport.open_stream(f"/v1/jobs/{job_id}/events", {"Last-Event-ID": str(last)})
    try:
        if response.status in _TEMPORARY:
            raise ConnectionError(f"status {response.status}")
        if response.status != 200:
            raise error_of_answer(Answer(response.status, response.read()))
        yield from parse_events(response)
    finally:
        response.close()
        connection.close()


def parse_events(lines: Iterator[bytes] | http.client.HTTPResponse) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id, data) of each server-sent event; one that was cut off is left out. WHATWG HTML, section 9.2."""
    number, data = 0, ""
    for raw in lines:
        name, _, value = raw.decode().rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            number = int(value)
        elif name == "data":
            data += value
        elif not name and not value and data:
            yield number, json.loads(data)
            data = ""


def no_change(request: Request) -> Request:
    """Nothing to restore."""
    return request
