"""What the parts of a server share: journal, blobs, live feeds, metrics."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from . import journal
from .blobs import BlobStore
from .database import Connection, Database, put_aside
from .feed import Feeds
from .lineage import Descent, descent_of
from .metrics import Metrics
from .records import JobRecord
from .settings import ServerSettings
from .tables import make_tables


class Bell:
    """Wakes everybody who waits."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake those that wait now."""
        self._rung.set()
        self._rung = asyncio.Event()

    @property
    def next_ring(self) -> asyncio.Event:
        """Set at the next ring; fetch it before looking whether there is work."""
        return self._rung


@dataclass(slots=True, kw_only=True)
class Store:
    """The state of one server."""

    settings: ServerSettings
    database: Database
    blobs: BlobStore
    feeds: Feeds = field(default_factory=Feeds)
    metrics: Metrics = field(default_factory=Metrics)
    bell: Bell = field(default_factory=Bell)

    def job_folder(self, job_id: str) -> Path:
        """Where attachments of a job lie, and what it has finished."""
        return self.job_folders / job_id

    @property
    def job_folders(self) -> Path:
        """Where those of all jobs are."""
        return self.settings.home / "jobs"

    async def let_go(self, job: JobRecord) -> None:
        """Give back what a job that has just ended needed until then: its blobs and its folder."""
        self.blobs.release(await self.database.run(lambda connection: journal.blobs_of(connection, job)))
        await asyncio.to_thread(shutil.rmtree, self.job_folder(job.id), ignore_errors=True)


def open_store(settings: ServerSettings) -> Store:
    """Open journal and blobs of the folder.

    Raises:
        JournalError: the journal is damaged.
    """
    path = settings.home / "journal.sqlite3"
    if settings.new_journal:
        put_aside(path)
    database = Database(path, make_tables)
    database.open()
    blobs = BlobStore(settings.home / "blobs", settings.limits.store_bytes)
    blobs.open()
    return Store(settings=settings, database=database, blobs=blobs)


async def recover(store: Store) -> int:
    """Let interrupted jobs wait again, pin what they need, forget the oldest, bind results to what they were made from.

    Folders of jobs that have ended, which a killed server has left, are deleted. Gives the number of interrupted jobs.
    """
    interrupted = await store.database.run(journal.put_back_all)
    store.blobs.pin(await store.database.run(journal.needed_blobs))
    await store.database.run(lambda connection: journal.forget(connection, store.settings.limits.kept_jobs))
    for descent in await store.database.run(_descents):
        store.blobs.descend(descent)
    unfinished = await store.database.run(journal.unfinished)
    await asyncio.to_thread(_keep_folders, store.job_folders, unfinished)
    return interrupted


def _keep_folders(parent: Path, names: Collection[str]) -> None:
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.name not in names:
            shutil.rmtree(folder, ignore_errors=True)


def _descents(connection: Connection) -> list[Descent]:
    found = (descent_of(request, event) for request, event in journal.results(connection))
    return [descent for descent in found if descent is not None]
