"""What the server can do, apart from HTTP: submit, cancel, move, follow; keep one lane running for each device."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..errors import EngineDied, ServerError
from ..events import LAST_KINDS
from ..wire.results import blobs_named
from . import journal
from .journal import StoredEvent
from .lanes import Lane
from .pipe import Message, MessageKind
from .records import JobRecord, JobState, NewJob, Priority
from .rules import allowed_by, check_json, decode, grouping_model
from .store import Store, recover
from .supervisor import EngineProcess

_log = logging.getLogger(__name__)

_ENGINE_PATIENCE = 45.0
"""Seconds to wait for an engine that is just starting; less than the minute for which clients wait for an answer."""


class MissingBlobs(ServerError):
    """Arrays that must be sent before the job; `digests` names them."""

    def __init__(self, digests: list[str]) -> None:
        super().__init__(
            f"{len(digests)} arrays are not here", status=409, hint="PUT them to /v1/blobs, then submit again"
        )
        self.digests = digests


class Service:
    """The jobs of one server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lanes: list[Lane] = []
        self._tasks: list[asyncio.Task[None]] = []
        settings = store.settings
        # On loopback too: a page in a browser, or a picture that somebody sent, can make requests there.
        self._allowed = allowed_by(settings)

    async def start(self) -> None:
        """Take up what an earlier run has left, and start the engines."""
        interrupted = await recover(self.store)
        if interrupted:
            _log.info("interrupted jobs wait again", extra={"jobs": interrupted})
        started: asyncio.Queue[EngineProcess] = asyncio.Queue()
        for device in self.store.settings.devices:
            self._add_lane(device, started)
        self._tasks.append(asyncio.create_task(self._find_devices(started)))

    async def stop(self) -> None:
        """Kill the engines; what ran runs again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(
        self, job_id: str, priority: Priority, request: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> tuple[JobRecord, bool]:
        """Check a request and write it down; gives the job, and whether it is new.

        Raises:
            RequestError: the request is wrong, or not allowed.
            MissingBlobs: arrays must be sent first.
            ServerError: the id belongs to another job, or too many jobs wait.
            OutputError: the disk is full.
        """
        await asyncio.to_thread(check_json, request, attachments, self._allowed)
        text = json.dumps(request, sort_keys=True)
        # What has run already needs its arrays no more, which may have made room for others.
        known = await self.store.database.run(lambda held: journal.repeated(held, job_id, text, attachments))
        if known is not None:
            return known, False
        needed = frozenset(blobs_named(request) | set(attachments.values()))
        if missing := self.store.blobs.hold(needed):
            raise MissingBlobs(missing)
        created = False
        try:
            model = await asyncio.to_thread(self._checked, request, needed)
            new = NewJob(id=job_id, priority=priority, request=text, attachments=attachments, blobs=needed, model=model)
            limit = self.store.settings.limits.jobs
            job, before = await self.store.database.run(lambda connection: journal.add(connection, new, limit))
            created = before is not None
        finally:
            if not created:
                self.store.blobs.release(needed)
        self.store.bell.ring()
        return job, created

    async def cancel(self, job_id: str) -> JobRecord:
        """Cancel a job: at once if it waits, before its next step if it runs."""
        job, last = await self.store.database.run(lambda connection: journal.cancel_waiting(connection, job_id))
        if last is not None:
            self.store.feeds.of(job_id).publish(last)
            await self.store.let_go(job)
        for lane in self.lanes:
            if lane.run is not None and lane.run.job.id == job_id and lane.engine is not None:
                lane.run.cancelled = True
                await lane.engine.send(Message(MessageKind.CANCEL, {"job": job_id}))
        return job

    async def job(self, job_id: str) -> JobRecord:
        """One job; `ServerError` with status 404 where there is none."""
        return await self.store.database.run(lambda connection: journal.get(connection, job_id))

    async def move(self, job_id: str, position: int | None, priority: Priority | None) -> JobRecord:
        """Change the place of a waiting job; `ServerError` with status 409 where it does not wait."""
        job = await self.store.database.run(lambda connection: journal.move(connection, job_id, position, priority))
        self.store.bell.ring()
        return job

    async def list_jobs(self, state: JobState | None, after: int, limit: int) -> list[JobRecord]:
        """Some of the jobs; see `journal.list_jobs`."""
        return await self.store.database.run(lambda connection: journal.list_jobs(connection, state, after, limit))

    async def events(self, job_id: str, after: int) -> AsyncIterator[StoredEvent]:
        """Every event of a job with an id greater than `after`, up to its end."""
        # Fetched before the journal is read, so that nothing can happen unseen in between.
        feed = self.store.feeds.of(job_id)
        stored = await self.store.database.run(lambda connection: journal.events(connection, job_id, 0))
        known = {event.id: event for event in (*feed.events, *stored) if event.id > after}
        for event_id in sorted(known):
            yield known[event_id]
            after = event_id
        if stored and stored[-1].data["kind"] in LAST_KINDS:
            return
        async for event in feed.after(after):
            yield event

    async def result(self, job: JobRecord) -> StoredEvent | None:
        """The event that ended the job, if it has ended."""
        stored = await self.store.database.run(lambda connection: journal.events(connection, job.id, 0))
        return stored[-1] if stored and stored[-1].data["kind"] in LAST_KINDS else None

    async def free_memory(self) -> None:
        """Drop every loaded model on every device; a job that runs is waited for."""
        engines = [lane.engine for lane in self.lanes if lane.engine is not None and lane.engine.ready.is_set()]
        await asyncio.gather(*(engine.ask(MessageKind.FREE) for engine in engines), return_exceptions=True)

    async def models(self) -> list[dict[str, Any]]:
        """The models known by name, as an engine tells.

        Raises:
            ServerError: no engine runs.
        """
        return await self._listed(MessageKind.MODELS)

    async def loras(self) -> list[dict[str, Any]]:
        """The files of the LoRA folder, as an engine tells.

        Raises:
            ServerError: no engine runs.
        """
        return await self._listed(MessageKind.LORAS)

    async def _listed(self, kind: MessageKind) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(_ENGINE_PATIENCE):
                while True:
                    engine = await self._any_engine()
                    try:
                        return (await engine.ask(kind)).data[kind]
                    except EngineDied as error:
                        _log.info("asking again for %s", kind, extra={"reason": str(error)})
        except TimeoutError as error:
            problem = next((lane.problem for lane in self.lanes if lane.problem), "it is still starting")
            raise ServerError(f"no engine runs: {problem}", status=503, hint="see the logs folder") from error

    async def _any_engine(self) -> EngineProcess:
        while True:
            for lane in self.lanes:
                if lane.engine is not None and lane.engine.ready.is_set() and not lane.engine.ended.is_set():
                    return lane.engine
            await asyncio.sleep(0.05)

    def _checked(self, request: Mapping[str, Any], blobs: frozenset[str]) -> str | None:
        """Check a request whose arrays are here, and make those last; gives the model by which it is grouped."""
        settings = self.store.settings
        self.store.blobs.sync(blobs)
        return grouping_model(decode(request, self.store.blobs.folder, settings.limits), settings.model)

    def _add_lane(self, device: str, started: asyncio.Queue[EngineProcess]) -> None:
        lane = Lane(self.store, device, str(len(self.lanes)))
        self.lanes.append(lane)
        self._tasks.append(asyncio.create_task(lane.serve(started)))

    async def _find_devices(self, started: asyncio.Queue[EngineProcess]) -> None:
        """With the device "auto", the first engine tells which other devices there are."""
        first = await started.get()
        if self.store.settings.devices == ("auto",):
            for device in first.others:
                self._add_lane(device, started)
