"""What the server can do, apart from HTTP: submit, cancel, move, follow; keep one dispatcher running for each device."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineDied, SDError, ServerError
from ..events import LAST_KINDS
from ..wire.results import blobs_named
from . import journal, setbacks
from .admission import allowed_by, check_json, decode, grouping_model
from .database import Connection
from .dispatcher import Dispatcher
from .housekeeper import Housekeeper
from .pipe import MessageKind
from .records import ENDED, JobRecord, JobState, JobSummary, NewJob, Priority
from .state import Store, recover
from .stored_events import StoredEvent, events, last_event
from .supervisor import EngineProcess
from .work import work_of

_log = logging.getLogger(__name__)

_ENGINE_PATIENCE = 45.0
"""Seconds to wait for an engine that is just starting; less than the minute for which clients wait for an answer."""


_HELD_MESSAGE = (
    "the queue is held: no job starts until it is released (client.hold(held=False), or POST /v1/queue/release)"
)

Admit = Callable[[journal.Usage, float], None]
"""Raises `ServerError` where an owner with this usage may not have one more job of so much work."""


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
        self.dispatchers: list[Dispatcher] = []
        self._tasks: list[asyncio.Task[None]] = []
        # On loopback too: a page in a browser, or a picture that somebody sent, can make requests there.
        self._allowed = allowed_by(store.settings)
        self._housekeeper = Housekeeper(store, self._running)

    async def start(self) -> None:
        """Take up what an earlier run has left, and start the engines."""
        interrupted = await recover(self.store)
        if interrupted:
            _log.info("interrupted jobs wait again", extra={"jobs": interrupted})
        self.store.is_queue_held = self.store.settings.start_held or await self.store.database.run(
            journal.is_queue_held
        )
        if self.store.is_queue_held:
            _log.warning("%s", _HELD_MESSAGE)
        started: asyncio.Queue[EngineProcess] = asyncio.Queue()
        for device in self.store.settings.devices:
            self._add_dispatcher(device, started)
        self._tasks.append(asyncio.create_task(self._find_devices(started)))
        self._tasks.append(asyncio.create_task(self._housekeeper.serve()))

    async def stop(self) -> None:
        """Kill the engines; what ran waits again, and this does not count as a failure of the job."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self.store.database.run(setbacks.requeue_all)
        except (SDError, OSError) as error:
            _log.error("running jobs cannot be put back", extra={"reason": str(error)})

    @property
    def can_work(self) -> bool:
        """Whether jobs that are submitted now will run: the journal is whole, and some device works or is starting."""
        return not self.store.database.problem and any(dispatcher.can_work for dispatcher in self.dispatchers)

    @property
    def problems(self) -> list[str]:
        """What is wrong, in sentences: of the journal, of the keeper, of the disk, of each device."""
        database = self.store.database
        found = [
            _HELD_MESSAGE if self.store.is_queue_held else "",
            database.problem,
            database.notice,
            self._housekeeper.problem,
        ]
        found += self.store.shortage.problems
        found += [f"{dispatcher.device}: {dispatcher.problem}" for dispatcher in self.dispatchers if dispatcher.problem]
        return [problem for problem in found if problem]

    async def hold(self, *, held: bool) -> None:
        """Start no waiting job until further notice, over new starts too; or start them again."""
        await self.store.database.run(lambda connection: journal.set_queue_held(connection, held))
        self.store.is_queue_held = held
        _log.info("queue held" if held else "queue released")
        self.store.notifier.notify()

    async def resume(self, job_id: str) -> JobRecord:
        """Let a failed or cancelled job wait again; it goes on from the frames that it had finished.

        Raises:
            ServerError: 404; 409, it is in another state.
            MissingBlobs: arrays have made room for others and must be sent first.
        """
        job = await self.job(job_id)
        needed = await self.store.database.run(lambda connection: journal.blobs_of(connection, job))
        if missing := await asyncio.to_thread(self._pin_intact, frozenset(needed)):
            raise MissingBlobs(missing)
        try:
            job = await self.store.database.run(lambda connection: setbacks.resume(connection, job_id))
        except BaseException:
            self.store.blobs.release(needed)
            raise
        self.store.feeds.of(job_id).clear()
        self.store.notifier.notify()
        return job

    async def forget(self, job_id: str) -> None:
        """Delete a finished job with its folder, and with those of its pictures that no other job names.

        Raises:
            ServerError: 404; 409, it has not ended.
        """
        job = await self.job(job_id)
        if job.state not in ENDED or not await self._housekeeper.forget([job], delete_blobs=True):
            raise ServerError(f"job {job_id} has not ended", status=409, hint="cancel it first")

    async def blob(self, digest: str) -> Path:
        """The file of a blob, whose bytes are right.

        Raises:
            ServerError: 404, there is none; 410, it is damaged.
        """
        path = await asyncio.to_thread(self.store.blobs.intact_path, digest)
        if path is None:
            raise no_such_blob(digest)
        return path

    async def submit(
        self,
        job_id: str,
        priority: Priority,
        request: Mapping[str, Any],
        attachments: Mapping[str, str],
        owner: str = "",
        admit: Admit | None = None,
    ) -> tuple[JobRecord, bool]:
        """Check a request and write it down for its owner; gives the job, and whether it is new.

        `admit` may refuse a new job, in the transaction that writes it down.

        Raises:
            RequestError: the request is wrong, or not allowed.
            MissingBlobs: arrays must be sent first.
            ServerError: the id belongs to another job, or too many jobs wait.
            OutputError: the disk is full.
        """
        if problem := self.store.database.check_files():
            raise ServerError(problem, status=503, hint="stop the server and put the journal back")
        await asyncio.to_thread(check_json, request, attachments, self._allowed)
        text = json.dumps(request, sort_keys=True)
        # What has run already needs its arrays no more, which may have made room for others.
        known = await self.store.database.run(
            lambda connection: journal.job_of_same_id(connection, job_id, text, attachments, owner)
        )
        if known is not None:
            return known, False
        needed = frozenset(blobs_named(request) | set(attachments.values()))
        if missing := await asyncio.to_thread(self._pin_intact, needed):
            raise MissingBlobs(missing)
        created = False
        try:
            model, work = await asyncio.to_thread(self._check_request, request, needed)
            new = NewJob(
                id=job_id, priority=priority, request=text, attachments=attachments, blobs=needed, model=model, owner=owner,
                bytes=self.store.blobs.size_of(needed), work=work,
            )  # fmt: skip
            job, created = await self._add(new, admit)
        finally:
            if not created:
                self.store.blobs.release(needed)
        self.store.notifier.notify()
        return job, created

    async def _add(self, new: NewJob, admit: Admit | None) -> tuple[JobRecord, bool]:
        def work(connection: Connection) -> tuple[JobRecord, int | None]:
            if admit is not None:
                admit(journal.usage(connection, new.owner), new.work)
            return journal.add(connection, new, self.store.settings.limits.jobs)

        job, before = await self.store.database.run(work)
        return job, before is not None

    async def cancel(self, job_id: str) -> JobRecord:
        """Cancel a job: at once if it waits, before its next step if it runs."""
        job, last = await self.store.database.run(lambda connection: journal.cancel_waiting(connection, job_id))
        if last is not None:
            self.store.feeds.of(job_id).publish(last)
            await self.store.release_job(job)
        for dispatcher in self.dispatchers:
            if dispatcher.job_run is not None and dispatcher.job_run.job.id == job_id and dispatcher.engine is not None:
                dispatcher.job_run.cancelled = True
                await dispatcher.engine.cancel(job_id)
        return job

    async def job(self, job_id: str) -> JobRecord:
        """One job; `ServerError` with status 404 where there is none."""
        return await self.store.database.run(lambda connection: journal.get(connection, job_id))

    async def move(self, job_id: str, position: int | None, priority: Priority | None) -> JobRecord:
        """Change the place of a waiting job; `ServerError` with status 409 where it does not wait."""
        job = await self.store.database.run(lambda connection: setbacks.move(connection, job_id, position, priority))
        self.store.notifier.notify()
        return job

    async def list_jobs(
        self, state: JobState | None, after: int, limit: int, owner: str | None = None
    ) -> list[JobSummary]:
        """Some of the jobs; see `journal.list_jobs`."""
        return await self.store.database.run(
            lambda connection: journal.list_jobs(connection, state, after, limit, owner)
        )

    async def events(self, job_id: str, after: int) -> AsyncIterator[StoredEvent]:
        """Every event of a job with an id greater than `after`, up to its end."""
        # Fetched before the journal is read, so that nothing can happen unseen in between.
        feed = self.store.feeds.of(job_id)
        stored = await self.store.database.run(
            lambda connection: events(connection, journal.get(connection, job_id).number, after)
        )
        known = {event.id: event for event in (*feed.events_after(after), *stored)}
        for event_id in sorted(known):
            yield known[event_id]
            after = event_id
        if stored and stored[-1].data["kind"] in LAST_KINDS:
            return
        async for event in feed.after(after):
            yield event

    async def result(self, job: JobSummary) -> StoredEvent | None:
        """The event that ended the job, if it has ended."""
        last = await self.store.database.run(lambda connection: last_event(connection, job.number))
        return last if last is not None and last.data["kind"] in LAST_KINDS else None

    async def free_memory(self) -> None:
        """Drop every loaded model on every device; a job that runs is waited for."""
        engines = [
            dispatcher.engine
            for dispatcher in self.dispatchers
            if dispatcher.engine is not None and dispatcher.engine.ready.is_set()
        ]
        await asyncio.gather(*(engine.ask(MessageKind.FREE) for engine in engines), return_exceptions=True)

    async def models(self) -> list[dict[str, Any]]:
        """The models known by name, as an engine tells.

        Raises:
            ServerError: no engine runs.
        """
        return await self._list_infos(MessageKind.MODELS)

    async def loras(self) -> list[dict[str, Any]]:
        """The files of the LoRA folder, as an engine tells.

        Raises:
            ServerError: no engine runs.
        """
        return await self._list_infos(MessageKind.LORAS)

    async def _list_infos(self, kind: MessageKind) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(_ENGINE_PATIENCE):
                while True:
                    engine = await self._any_engine()
                    try:
                        return (await engine.ask(kind)).data[kind]
                    except EngineDied as error:
                        _log.info("asking again for %s", kind, extra={"reason": str(error)})
        except TimeoutError as error:
            problem = next(
                (dispatcher.problem for dispatcher in self.dispatchers if dispatcher.problem), "it is still starting"
            )
            raise ServerError(f"no engine runs: {problem}", status=503, hint="see the logs folder") from error

    async def _any_engine(self) -> EngineProcess:
        while True:
            for dispatcher in self.dispatchers:
                if (
                    dispatcher.engine is not None
                    and dispatcher.engine.ready.is_set()
                    and not dispatcher.engine.ended.is_set()
                ):
                    return dispatcher.engine
            await asyncio.sleep(0.05)

    def _check_request(self, request: Mapping[str, Any], blobs: frozenset[str]) -> tuple[str | None, float]:
        """Check a request whose arrays are here, and make those last; gives the model by which it is grouped, and its work."""
        settings = self.store.settings
        self.store.blobs.sync(blobs)
        decoded = decode(request, self.store.blobs.folder, settings.limits)
        return grouping_model(decoded, settings.model), work_of(decoded)

    def _running(self) -> set[str]:
        return {dispatcher.job_run.job.id for dispatcher in self.dispatchers if dispatcher.job_run is not None}

    def _pin_intact(self, digests: frozenset[str]) -> list[str]:
        """Pin blobs whose bytes are right; gives those that are missing, or were damaged, and then pins none."""
        if unsound := self.store.blobs.missing_or_damaged(digests):
            return unsound
        return self.store.blobs.pin_all(digests)

    def _add_dispatcher(self, device: str, started: asyncio.Queue[EngineProcess]) -> None:
        dispatcher = Dispatcher(
            self.store,
            device,
            str(len(self.dispatchers)),
            lambda: any(other.is_ready for other in self.dispatchers if other is not dispatcher),
        )
        self.dispatchers.append(dispatcher)
        self._tasks.append(asyncio.create_task(dispatcher.serve(started)))

    async def _find_devices(self, started: asyncio.Queue[EngineProcess]) -> None:
        """With the device "auto", the first engine tells which other devices there are."""
        first = await started.get()
        if self.store.settings.devices == ("auto",):
            for device in first.other_devices:
                self._add_dispatcher(device, started)


def no_such_blob(digest: str) -> ServerError:
    """What is answered for a blob that is not there, or not there for whoever asks."""
    hint = "it was never here, or made room for newer ones"
    return ServerError(f"there is no blob {digest}", status=404, hint=hint)
