"""One dispatcher per device: an engine process, and the jobs that it is given one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..errors import EngineDied
from . import journal, setbacks
from .backoff import BackOff
from .job_run import JobRun
from .records import JobRecord
from .state import Store
from .supervisor import EngineProcess

_log = logging.getLogger(__name__)

_GROUP = 8
"""Jobs of one model in a row, before another model has its turn."""

_LOOK = 5.0
"""Seconds after which an idle dispatcher looks for jobs without a notification: those that other dispatchers have left."""


class Dispatcher:
    """Keeps an engine running on a device and gives it jobs; it goes on whatever fails.

    An engine that cannot start, or dies before it has ended a job, benches the device for a growing time: its jobs wait, for
    other dispatchers or for later.

    problem: why it does not work, or did not when it last tried; empty where it does.
    """

    def __init__(
        self, store: Store, device: str, name: str, can_others_work: Callable[[], bool] = lambda: False
    ) -> None:
        self.engine: EngineProcess | None = None
        self.job_run: JobRun | None = None
        self.name = name
        self.device = device
        self.problem = ""
        self._store = store
        self._can_others_work = can_others_work
        self._log = store.settings.home / "logs" / f"engine-{name}.log"
        self._loaded: str | None = None
        self._streak = 0
        self._jobs_ended = 0
        self._has_suspects = True
        self._engine_backoff = BackOff()
        self._server_backoff = BackOff()

    @property
    def is_ready(self) -> bool:
        """Whether an engine takes jobs now."""
        return self.engine is not None and self.engine.ready.is_set() and not self.engine.ended.is_set()

    @property
    def can_work(self) -> bool:
        """Whether an engine takes jobs, or is starting and has not failed before."""
        return self.is_ready or not self.problem

    async def serve(self, on_ready: asyncio.Queue[EngineProcess]) -> None:
        """Run jobs for ever; every engine that starts is put on `on_ready`."""
        while True:
            try:
                await self._serve_engine(on_ready)
            except EngineDied as error:
                pause = self._note_death(error)
            except Exception as error:  # noqa: BLE001 - a dispatcher ends with the server, not before; this one is logged
                pause = self._note_failure(error)
            else:
                pause = 0.0
            await asyncio.sleep(pause)

    async def _serve_engine(self, on_ready: asyncio.Queue[EngineProcess]) -> None:
        engine = self.engine = EngineProcess(self._store.settings, self.device, self._log)
        self._jobs_ended = 0
        try:
            await engine.start()
            self._note_start(engine)
            await on_ready.put(engine)
            await self._run_jobs(engine)
        finally:
            self.engine, self._loaded = None, None
            self._store.metrics.set_engine_ready(engine.device, ready=False)
            if engine.mismatch:
                self._store.metrics.count_engine_mismatch(engine.device)
                _log.critical("engine reported another job", extra={"device": engine.device, "reason": engine.mismatch})
            await engine.close()

    def _note_start(self, engine: EngineProcess) -> None:
        self.device = engine.device
        self._store.metrics.set_engine_ready(engine.device, ready=True)
        _log.info("engine ready", extra={"device": engine.device, "engine_pid": engine.pid})

    def _note_death(self, error: EngineDied) -> float:
        """Note it; gives the seconds for which the device is benched: none where its engine had been of use."""
        self.problem = str(error)
        self._has_suspects = True
        self._store.metrics.count_engine_death(self.device)
        if self._jobs_ended:
            self._engine_backoff.reset()
        pause = 0.0 if self._jobs_ended else self._engine_backoff.fail()
        _log.warning("engine died", extra={"device": self.device, "reason": str(error), "pause": pause})
        return pause

    def _note_failure(self, error: Exception) -> float:
        """Note a failure of the server itself; gives the seconds to wait."""
        self.problem = f"the server failed at its work here: {error!r:.300}"
        self._store.metrics.count_dispatcher_failure(self.device)
        pause = self._server_backoff.fail()
        _log.error("dispatcher failed", exc_info=error, extra={"device": self.device, "pause": pause})
        return pause

    def _note_success(self) -> None:
        self.problem = ""
        self._server_backoff.reset()

    async def _run_jobs(self, engine: EngineProcess) -> None:
        while not engine.ended.is_set():
            ring = self._store.notifier.next_notification
            try:
                job = await self._take(engine.device)
                if job is None:
                    self._note_idle()
                    await _wait_for_any(ring, engine.ended)
                else:
                    await self._run(job, engine)
            except EngineDied:
                raise
            except Exception as error:  # noqa: BLE001 - as in `serve`; the engine is as good as before
                await asyncio.sleep(self._note_failure(error))
        raise EngineDied(
            f"the engine on {engine.device} ended while it had nothing to do",
            hint=f"it is started again; if that repeats, see {self._log.name} in the logs folder",
        )

    def _note_idle(self) -> None:
        """Nothing is to be done: that the engine has started is all that can be asked of it."""
        if not self._engine_backoff.failures:
            self._note_success()

    async def _run(self, job: JobRecord, engine: EngineProcess) -> None:
        self._streak = self._streak + 1 if job.model in (None, self._loaded) else 0
        self._loaded = job.model or self._loaded
        self.job_run = JobRun(self._store, job, self.name)
        try:
            of_use = await self.job_run.run_on(engine)
        finally:
            self.job_run = None
            self._store.notifier.notify()
        self._note_success()
        if of_use:
            self._jobs_ended += 1
            self._engine_backoff.reset()
            await self._fail_suspects()

    async def _fail_suspects(self) -> None:
        """The device has just ended a job: those that other engines died over, one after the other, are to blame."""
        if not self._has_suspects:
            return
        guilty = await self._store.database.run(lambda connection: setbacks.suspect_jobs(connection, self.name))
        for job in guilty:
            await JobRun(self._store, job, self.name).fail(setbacks.repeated_death_error(job))
        self._has_suspects = False

    async def _take(self, device: str) -> JobRecord | None:
        if self._store.is_queue_held:
            return None
        group = self._streak < _GROUP
        shunned_by = self.name if self._can_others_work() else None
        return await self._store.database.run(
            lambda connection: journal.take(connection, device, self._loaded, group=group, shunned_by=shunned_by)
        )


async def _wait_for_any(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=_LOOK)
    finally:
        for task in tasks:
            task.cancel()
