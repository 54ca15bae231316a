"""What the parts of a server share: journal, blobs, live feeds, metrics."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import EngineDied
from . import journal, setbacks
from .blobs import BlobStore
from .database import Database, set_journal_aside
from .event_feed import Feeds
from .metrics import Metrics
from .records import JobRecord, JobState, JobSummary
from .result_blob_rows import read_result_blobs
from .settings import ServerSettings
from .shortage import Shortage
from .stored_events import StoredEvent, event_id
from .tables import make_tables

_log = logging.getLogger(__name__)


ATTACHMENTS_FOLDER, OUTPUT_FOLDER = "files", "output"
"""Folders in that of a job: the attachments, and the frames or views that have been finished."""


class Notifier:
    """Wakes everybody who waits."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake those that wait now."""
        self._event.set()
        self._event = asyncio.Event()

    @property
    def next_notification(self) -> asyncio.Event:
        """Set at the next ring; fetch it before looking whether there is work."""
        return self._event


@dataclass(slots=True, kw_only=True)
class Store:
    """The state of one server. is_queue_held: jobs wait until they are released."""

    settings: ServerSettings
    database: Database
    blobs: BlobStore
    feeds: Feeds = field(default_factory=Feeds)
    metrics: Metrics = field(default_factory=Metrics)
    notifier: Notifier = field(default_factory=Notifier)
    is_queue_held: bool = False
    undeleted_folders: set[str] = field(default_factory=set)
    shortage: Shortage = field(init=False)

    def __post_init__(self) -> None:
        self.shortage = Shortage(self.settings.home)

    def job_folder(self, job_id: str) -> Path:
        """Where attachments of a job lie, and what it has finished."""
        return self.job_folders / job_id

    @property
    def job_folders(self) -> Path:
        """Where those of all jobs are."""
        return self.settings.home / "jobs"

    async def release_job(self, job: JobSummary) -> None:
        """Give back what a job that has just ended needed until then: its blobs, and its folder where it cannot go on."""
        blobs, kept = await self.database.run(
            lambda connection: (
                journal.blobs_of(connection, job),
                setbacks.keeps_folder(journal.get(connection, job.id)),
            )
        )
        self.blobs.release(blobs)
        if not kept:
            await self.remove_folder(job.id)

    async def remove_folder(self, job_id: str) -> None:
        """Delete the folder of a job that needs it no more; where that fails for now, it is tried again by `retry_removals`."""
        folder = self.job_folder(job_id)
        await asyncio.to_thread(remove_job_folder, folder)
        if any((folder / name).exists() for name in (ATTACHMENTS_FOLDER, OUTPUT_FOLDER)):
            self.undeleted_folders.add(job_id)
        else:
            self.undeleted_folders.discard(job_id)

    async def retry_removals(self) -> None:
        """Delete the folders that could not be deleted when their jobs ended, as for lack of descriptors."""
        if not self.undeleted_folders:
            return
        self.undeleted_folders -= await self.database.run(setbacks.jobs_with_folders)  # ids that are in use again
        for job_id in list(self.undeleted_folders):
            await self.remove_folder(job_id)


def open_store(settings: ServerSettings) -> Store:
    """Open journal and blobs of the folder.

    Raises:
        JournalError: the journal is damaged.
    """
    path = settings.home / "journal.sqlite3"
    if settings.new_journal:
        set_journal_aside(path)
    database = Database(path, make_tables)
    database.open()
    blobs = BlobStore(settings.home / "blobs", settings.limits.store_bytes)
    blobs.open()
    return Store(settings=settings, database=database, blobs=blobs)


async def recover(store: Store) -> int:
    """Let interrupted jobs wait again, pin what they need, forget the oldest, bind results to what they were made from.

    Folders of jobs that need them no more, which a killed server has left, are deleted; one with finished frames of a job that
    the journal does not know is moved to the folder "lost". Gives the number of interrupted jobs.
    """
    run = store.database.run
    await run(setbacks.repair)
    interrupted = await run(setbacks.count_interruptions)
    for job in interrupted.to_set_aside:
        await _set_aside(store, job)
    store.blobs.pin(await run(journal.needed_blobs))
    for blobs in await run(lambda connection: list(read_result_blobs(connection))):
        store.blobs.keep_inputs(blobs)
    for digest, owner in await run(journal.outputs):
        store.blobs.note_made(digest, owner)
    kept = await run(setbacks.jobs_with_folders)
    known = await run(lambda connection: setbacks.known_ids(connection, _folder_names(store.job_folders)))
    await asyncio.to_thread(_clean_job_folders, store, kept, known)
    return interrupted.waiting


async def _set_aside(store: Store, job: JobRecord) -> None:
    reason = f"the server ended {job.interruptions} times while it ran this job"
    error = EngineDied(reason, hint=f"it may be too large for the machine; {setbacks.resume_hint(job)}")
    last = StoredEvent(event_id(job.runs + 1, 0), {"kind": "failed", "error": error.to_dict()})
    await store.database.run(lambda connection: journal.finish(connection, job, JobState.FAILED, last, reason))


def _folder_names(parent: Path) -> list[str]:
    return [folder.name for folder in parent.iterdir()] if parent.is_dir() else []


def _clean_job_folders(store: Store, ids_to_keep: Collection[str], known_ids: Collection[str]) -> None:
    for name in _folder_names(store.job_folders):
        folder = store.job_folders / name
        if name not in known_ids and (folder / OUTPUT_FOLDER).is_dir():
            _move_to_lost(folder, store.settings.home / "lost")
        elif name not in ids_to_keep:
            remove_job_folder(folder)


def remove_job_folder(folder: Path) -> None:
    """Delete what the server and its engines put into a job's folder, and the folder itself if that is all there was."""
    for name in (ATTACHMENTS_FOLDER, OUTPUT_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _move_to_lost(folder: Path, parent: Path) -> None:
    """What an unknown job has finished may be all that is left of it."""
    parent.mkdir(exist_ok=True, mode=0o700)
    target = parent / f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder.rename(target)
    _log.warning("frames of an unknown job were kept", extra={"folder": str(target)})
