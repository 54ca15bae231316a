"""One run of a job on an engine: its order, its events written down, its end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..errors import EngineDied, OutputError, SDError, ServerError
from ..events import LAST_KINDS, EventKind
from . import journal, setbacks
from .admission import allowed_by
from .backoff import BackOff
from .database import Connection, JournalError
from .integrity import PASSING
from .orders import check_result, make_order
from .pipe import Message
from .records import ENDED, JobRecord, JobState
from .state import Store
from .stored_events import StoredEvent, event_id, finished_frames, last_event
from .supervisor import EngineProcess

T = TypeVar("T")
_log = logging.getLogger(__name__)

_STATES = {
    EventKind.RESULT: JobState.DONE,
    EventKind.FAILED: JobState.FAILED,
    EventKind.CANCELLED: JobState.CANCELLED,
}
_JOURNAL = (OutputError, JournalError)
_ATTEMPTS = 10
"""A failure that comes so often in a row does not pass; the keeper finds the job that nobody runs."""


class JobRun:
    """Brings one job to its end, or puts it back."""

    def __init__(self, store: Store, job: JobRecord, dispatcher: str) -> None:
        self.job = job
        self.cancelled = False
        self._store = store
        self._dispatcher = dispatcher
        self._feed = store.feeds.of(job.id)
        # One that ends a waiting job tells it beyond all that its followers have read of the runs before.
        self._run_number = job.runs if job.state is JobState.RUNNING else job.runs + 1
        self._numbers = itertools.count(1)
        self._frames: set[int] = set()
        self._has_resources = True

    async def run_on(self, engine: EngineProcess) -> bool:
        """Run on `engine`; gives whether it was that which brought the job to its end.

        However this is left, the engine has nothing to do any more.

        Raises:
            EngineDied: the process ended or hung. The job waits again, or was set aside.
            Exception: the server failed. The job waits again, or was set aside.
        """
        self._feed.clear()
        try:
            return await self._follow(engine)
        except EngineDied as error:
            await self._note_death(error)
            raise
        except Exception as error:
            await engine.stop_order()
            if not isinstance(error, SDError) or _is_passing(error):
                await self._note_server_failure(error)
                raise
            await self.fail(error)
            return False

    async def fail(self, error: SDError) -> None:
        """End the job with an error that no engine has reported."""
        await self._end_here(EventKind.FAILED, {"kind": "failed", "error": error.to_dict()}, str(error))

    async def _follow(self, engine: EngineProcess) -> bool:
        if self.job.damaged:
            raise ServerError(self.job.reason, status=500, hint="forget it, and submit it again")
        self._frames = await self._write(lambda connection: finished_frames(connection, self.job.number))
        order = await asyncio.to_thread(make_order, self._store.blobs, self._store.job_folder(self.job.id), self.job)
        order["allow"] = list(allowed_by(self._store.settings).more)
        if self.cancelled:  # an engine can only be asked to stop what it has begun
            await self._end_here(EventKind.CANCELLED, {"kind": "cancelled"})
            return False
        async for message in engine.run(self.job.id, self.job.runs, order):
            if (problem := check_result(order["request"], message.data["event"])) is not None:
                engine.mismatch = problem
                engine.kill(problem)
                raise EngineDied(
                    f"the engine was killed: {problem}", hint="this is a defect of sd_core: please report it"
                )
            await self._record(message)
        return True

    async def _record(self, message: Message) -> None:
        data: dict[str, Any] = message.data["event"]
        kind = EventKind(data["kind"])
        if kind is EventKind.FRAME and data["index"] in self._frames:
            return
        if message.blobs:
            await asyncio.to_thread(self._store.blobs.put, message.blobs, self.job.owner)
        if kind in LAST_KINDS:
            await self._end(kind, data)
            return
        event = self._next_event(data)
        if kind is EventKind.FRAME:
            await self._write(lambda connection: journal.add_frame(connection, self.job.number, event))
            self._frames.add(data["index"])
        self._feed.publish(event)

    async def _end(self, kind: EventKind, data: dict[str, Any]) -> None:
        """End the job as the engine has reported."""
        event = self._next_event(data)
        blobs = await self._write(lambda connection: journal.finish(connection, self.job, _STATES[kind], event))
        if blobs is not None:
            self._store.blobs.keep_inputs(blobs)
        await self._note_end(event, _STATES[kind])

    async def _end_here(self, kind: EventKind, data: dict[str, Any], reason: str = "") -> None:
        """End the job with what the server has to say, which nobody else can do."""
        event = self._next_event(data)
        await self._persist(lambda connection: journal.finish(connection, self.job, _STATES[kind], event, reason))
        await self._note_end(event, _STATES[kind])

    async def _note_end(self, event: StoredEvent, state: JobState) -> None:
        """What is due once the journal says how the job has ended."""
        if self._has_resources:
            self._has_resources = False
            await _retry(lambda: self._store.release_job(self.job), self.job.id)
        self._feed.publish(event)
        self._store.feeds.keep(self._feed)
        seconds = time.time() - (self.job.started or time.time())
        self._store.metrics.count_job_end(state, seconds)
        _log.info("job ended", extra={"job": self.job.id, "state": str(state), "seconds": round(seconds, 3)})

    async def _note_death(self, error: EngineDied) -> None:
        if self.cancelled:
            await self._end_here(EventKind.CANCELLED, {"kind": "cancelled"})
        elif await self._persist(lambda connection: setbacks.count_death(connection, self.job, self._dispatcher)):
            twice = f"{error.message}, as in the run before"
            await self.fail(EngineDied(twice, hint=f"{error.hint}; {setbacks.resume_hint(self.job)}"))

    async def _note_server_failure(self, error: Exception) -> None:
        """The server has failed at some point of the run, perhaps after the job was written down as ended."""
        aside = await self._persist(lambda connection: setbacks.count_failure(connection, self.job))
        job = await self._persist(lambda connection: journal.get(connection, self.job.id))
        if job.state in ENDED:
            last = await self._persist(lambda connection: last_event(connection, self.job.number))
            if last is not None:
                await self._note_end(last, job.state)
        elif self.cancelled:
            await self._end_here(EventKind.CANCELLED, {"kind": "cancelled"})
        elif aside:
            reason = f"the server failed at this job {setbacks.FAILURES} times, at last with {error!r:.300}"
            await self.fail(ServerError(reason, status=500, hint="see the server's log; it can be resumed"))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Ask the journal, however long the disk stays full: what the engine has done is not thrown away."""
        return await _retry(lambda: self._store.database.run(work), self.job.id, _JOURNAL)

    async def _persist(self, work: Callable[[Connection], T]) -> T:
        """Ask the journal until it answers."""
        return await _retry(lambda: self._store.database.run(work), self.job.id)

    def _next_event(self, data: dict[str, Any]) -> StoredEvent:
        return StoredEvent(event_id(self._run_number, next(self._numbers)), data)


async def _retry(
    action: Callable[[], Awaitable[T]], job_id: str, passing: tuple[type[Exception], ...] = (Exception,)
) -> T:
    """Do it until it succeeds: for ever where the journal's disk fails, else so often as is not in vain."""
    pause = BackOff()
    while True:
        try:
            return await action()
        except passing as error:
            if pause.failures >= _ATTEMPTS and not isinstance(error, _JOURNAL):
                raise
            _log.error("tried again", extra={"job": job_id, "reason": repr(error)})
            await asyncio.sleep(pause.fail())


def _is_passing(error: SDError) -> bool:
    """Whether the server lacks something for a while. Else the job cannot be done: no room, damaged inputs."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in PASSING
