"""Housekeeping while the server runs: the journal must still be there, and old jobs are deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from . import journal, setbacks
from .records import JobState, JobSummary
from .state import Store

_log = logging.getLogger(__name__)

_LOOK = 2.0
_PRUNE = 60.0
"""Seconds between two looks at the journal's files, and between two rounds of forgetting."""

_DAY = 86400.0


class Housekeeper:
    """Looks again and again, and goes on whatever fails; `problem` says what failed last.

    `running` gives the ids of the jobs that dispatchers run now.
    """

    def __init__(self, store: Store, running: Callable[[], Collection[str]]) -> None:
        self.problem = ""
        self._store = store
        self._running = running
        self._orphans: frozenset[str] = frozenset()
        self._next_prune = 0.0

    async def serve(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.check()
                self.problem = ""
            except Exception as error:  # noqa: BLE001 - it goes on; what failed is logged and reported
                self.problem = f"housekeeping of the journal failed: {error}"
                _log.exception("housekeeping failed")
            await asyncio.sleep(_LOOK)

    async def check(self) -> None:
        """One look."""
        if self._store.database.check_files():
            return
        await self._find_orphans()
        await self._store.retry_removals()
        if time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + _PRUNE
            await self.prune()

    async def _find_orphans(self) -> None:
        """Jobs that count as running at two checks, and which no dispatcher runs, wait again, or are set aside."""
        jobs = await self._store.database.run(
            lambda connection: journal.list_jobs(connection, JobState.RUNNING, 0, 1000)
        )
        orphans = {job.id: job for job in jobs if job.id not in self._running()}
        for job in (orphans[job_id] for job_id in self._orphans & orphans.keys()):
            _log.error("a running job has no dispatcher", extra={"job": job.id})
            await self._store.database.run(lambda connection, job=job: setbacks.requeue_orphan(connection, job))
            self._store.notifier.notify()
        self._orphans = frozenset(orphans)

    async def prune(self) -> int:
        """Forget the finished jobs beyond the number and the age that `Limits` allows; gives how many."""
        limits = self._store.settings.limits
        before = time.time() - limits.kept_days * _DAY
        old = await self._store.database.run(
            lambda connection: setbacks.expired_jobs(connection, limits.kept_jobs, before)
        )
        await self.forget(old, delete_blobs=False)
        if old:
            _log.info("old jobs forgotten", extra={"jobs": len(old)})
        return len(old)

    async def forget(self, jobs: Collection[JobSummary], *, delete_blobs: bool) -> list[str]:
        """Delete finished jobs with their folders; gives the ids of those that had not been resumed in the meantime.

        Args:
            jobs: which.
            delete_blobs: delete the blobs too that no other job names. Otherwise they stay until there is no room for them.
        """
        if not jobs:
            return []
        ids, blobs = await self._store.database.run(lambda connection: setbacks.forget(connection, jobs))
        for job_id in ids:
            await self._store.remove_folder(job_id)
        if delete_blobs:
            await asyncio.to_thread(self._store.blobs.delete, blobs)
        return ids
