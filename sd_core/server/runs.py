"""One run of a job on an engine: its order, its events written down, its end."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineDied, OutputError, SDError
from ..events import LAST_KINDS, EventKind
from . import journal
from .database import Connection
from .journal import StoredEvent
from .lineage import descent_of
from .pipe import Message
from .records import JobRecord, JobState
from .rules import allowed_by
from .store import Store
from .supervisor import EngineProcess

_log = logging.getLogger(__name__)

_COMMITTING = frozenset({"Animation", "MeshTexture"})
"""Requests that commit frames or views to a folder, from which they resume."""

_STATES = {
    EventKind.RESULT: JobState.DONE,
    EventKind.FAILED: JobState.FAILED,
    EventKind.CANCELLED: JobState.CANCELLED,
}
_RETRY = 1.0
"""Seconds between two attempts to write on a full disk."""


class Run:
    """Brings one job to its end, or puts it back."""

    def __init__(self, store: Store, job: JobRecord) -> None:
        self.job = job
        self.cancelled = False
        self._store = store
        self._feed = store.feeds.of(job.id)
        self._numbers = itertools.count(1)
        self._frames: set[int] = set()

    async def on(self, engine: EngineProcess) -> None:
        """Run on `engine`.

        Raises:
            EngineDied: the process ended or hung. The job waits again, or has failed if that has happened to it before.
        """
        self._feed.clear()
        try:
            self._frames = await self._finished_frames()
            order = await asyncio.to_thread(self._order)
            async for message in engine.run(order):
                await self._record(message)
        except EngineDied as error:
            await self._interrupted(error)
            raise
        except SDError as error:
            await self._end(EventKind.FAILED, {"kind": "failed", "error": error.to_dict()})

    async def fail(self, error: SDError) -> None:
        """End the job without running it."""
        await self._end(EventKind.FAILED, {"kind": "failed", "error": error.to_dict()})

    def _order(self) -> dict[str, Any]:
        folder = self._store.job_folder(self.job.id)
        output = folder / "output" if self.job.request_type in _COMMITTING else None
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
        return {
            "job": self.job.id,
            "request": json.loads(self.job.request),
            "blobs": str(self._store.blobs.folder),
            "allow": list(allowed_by(self._store.settings).more),
            "files": {name: str(path) for name, path in self._lay_out(folder / "files").items()},
            "output": None if output is None else str(output),
            "resume": output is not None and self.job.resumes,
        }

    def _lay_out(self, folder: Path) -> Mapping[str, Path]:
        """Attachments under their own names: a sidecar is found by the name of its frame."""
        paths = {name: folder / name for name in self.job.attachments}
        if paths:
            folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            blob = self._store.blobs.find(self.job.attachments[name])
            if blob is None:
                raise OutputError(str(path), "has been deleted from the blob store", hint="send the job again")
            if not path.exists():
                _link(blob, path)
        return paths

    async def _finished_frames(self) -> set[int]:
        stored = await self._store.database.run(lambda connection: journal.events(connection, self.job.id, 0))
        return {event.data["index"] for event in stored if event.data["kind"] == EventKind.FRAME}

    async def _record(self, message: Message) -> None:
        data: dict[str, Any] = message.data["event"]
        kind = EventKind(data["kind"])
        if kind is EventKind.FRAME and data["index"] in self._frames:
            return
        if message.blobs:
            await asyncio.to_thread(self._store.blobs.put, message.blobs)
        if kind in LAST_KINDS:
            await self._end(kind, data)
            return
        event = self._next_event(data)
        if kind is EventKind.FRAME:
            self._frames.add(data["index"])
            await self._write(lambda connection: journal.add_event(connection, self.job.number, event))
        self._feed.publish(event)

    async def _end(self, kind: EventKind, data: dict[str, Any]) -> None:
        event, state = self._next_event(data), _STATES[kind]
        await self._write(lambda connection: journal.finish(connection, self.job, state, event))
        if (descent := descent_of(json.loads(self.job.request), data)) is not None:
            self._store.blobs.descend(descent)
        self._feed.publish(event)
        self._store.feeds.keep(self._feed)
        await self._store.let_go(self.job)
        seconds = time.time() - (self.job.started or time.time())
        self._store.metrics.job_ended(state, seconds)
        _log.info("job ended", extra={"job": self.job.id, "state": str(state), "seconds": round(seconds, 3)})

    async def _interrupted(self, error: EngineDied) -> None:
        if self.cancelled:
            await self._end(EventKind.CANCELLED, {"kind": "cancelled"})
        elif self.job.deaths > 0:
            twice = EngineDied(f"{error.message}, as in the run before", hint=error.hint)
            await self._end(EventKind.FAILED, {"kind": "failed", "error": twice.to_dict()})
        else:
            await self._write(lambda connection: journal.put_back(connection, self.job, died=True))

    async def _write(self, work: Callable[[Connection], None]) -> None:
        """Write to the journal, however long the disk stays full: what the engine has done is not thrown away."""
        while True:
            try:
                await self._store.database.run(work)
            except OutputError as error:
                _log.error("journal cannot be written", extra={"job": self.job.id, "reason": str(error)})
                await asyncio.sleep(_RETRY)
            else:
                return

    def _next_event(self, data: dict[str, Any]) -> StoredEvent:
        return StoredEvent(journal.event_id(self.job.runs, next(self._numbers)), data)


def _link(blob: Path, path: Path) -> None:
    try:
        os.link(blob, path)
    except OSError:
        shutil.copyfile(blob, path)
