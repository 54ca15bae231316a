"""One lane per device: an engine process, and the jobs that it is given one after another."""

from __future__ import annotations

import asyncio
import logging

from ..errors import EngineDied
from . import journal
from .records import JobRecord
from .runs import Run
from .store import Store
from .supervisor import EngineProcess

_log = logging.getLogger(__name__)

_GROUP = 8
"""Jobs of one model in a row, before another model has its turn."""

_STARTS = 3
"""Failed starts in a row after which jobs are told that there is no engine."""

_LONGEST_PAUSE = 30.0


class Lane:
    """Keeps an engine running on a device and gives it jobs."""

    def __init__(self, store: Store, device: str, name: str) -> None:
        self.engine: EngineProcess | None = None
        self.run: Run | None = None
        self.problem = ""
        self._store = store
        self._device = device
        self._log = store.settings.home / "logs" / f"engine-{name}.log"
        self._loaded: str | None = None
        self._streak = 0
        self._failed_starts = 0

    @property
    def able(self) -> bool:
        """Whether jobs can be expected to run here: its engine is ready, or just being started."""
        return self._failed_starts == 0

    async def serve(self, on_ready: asyncio.Queue[EngineProcess]) -> None:
        """Run jobs for ever; every engine that starts is put on `on_ready`."""
        while True:
            engine = EngineProcess(self._store.settings, self._device, self._log)
            try:
                await self._start(engine)
                await on_ready.put(engine)
                await self._run_jobs(engine)
            except EngineDied as error:
                await self._mourn(engine, error)
            finally:
                self.engine, self._loaded = None, None
                self._store.metrics.engine_ready(engine.device, ready=False)
                await engine.close()

    async def _start(self, engine: EngineProcess) -> None:
        self.engine = engine
        await engine.start()
        self._failed_starts, self.problem = 0, ""
        self._store.metrics.engine_ready(engine.device, ready=True)
        _log.info("engine ready", extra={"device": engine.device, "engine_pid": engine.pid})

    async def _mourn(self, engine: EngineProcess, error: EngineDied) -> None:
        self.problem = str(error)
        self._store.metrics.engine_died(engine.device)
        _log.warning("engine died", extra={"device": engine.device, "reason": str(error)})
        if not engine.ready.is_set():
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                await self._refuse_jobs(error)
            await asyncio.sleep(min(2.0**self._failed_starts, _LONGEST_PAUSE))

    async def _refuse_jobs(self, error: EngineDied) -> None:
        """Nothing will run here: say so instead of letting jobs wait for ever."""
        while (job := await self._take(self._device)) is not None:
            await Run(self._store, job).fail(error)

    async def _run_jobs(self, engine: EngineProcess) -> None:
        while not engine.ended.is_set():
            ring = self._store.bell.next_ring
            job = await self._take(engine.device)
            if job is None:
                await _first(ring, engine.ended)
            else:
                await self._run(job, engine)
        raise EngineDied(
            f"the engine on {engine.device} ended while it had nothing to do",
            hint=f"it is started anew; if that repeats, see {self._log.name} in the logs folder",
        )

    async def _run(self, job: JobRecord, engine: EngineProcess) -> None:
        self._streak = self._streak + 1 if job.model in (None, self._loaded) else 0
        self._loaded = job.model or self._loaded
        self.run = Run(self._store, job)
        try:
            await self.run.on(engine)
        except EngineDied:
            self._store.bell.ring()
            raise
        finally:
            self.run = None

    async def _take(self, device: str) -> JobRecord | None:
        group = self._streak < _GROUP
        return await self._store.database.run(
            lambda connection: journal.take(connection, device, self._loaded, group=group)
        )


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
