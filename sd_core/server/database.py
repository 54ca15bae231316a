"""SQLite in a thread of its own: every call is one transaction, and those that wait are committed together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..errors import OutputError
from .journal_files import CommitMark, FileGuard, JournalError, back_up, set_journal_aside
from .seals import readable

__all__ = ["Connection", "Database", "JournalError", "set_journal_aside"]

_log = logging.getLogger(__name__)

T = TypeVar("T")
Connection = sqlite3.Connection

_TOGETHER = 256
"""Most calls in one commit."""


@dataclass(slots=True)
class _Call(Generic[T]):
    work: Callable[[Connection], T]
    future: Future[T]


_PRIMARY = 0xFF
"""Of SQLite's extended codes, the part that says the kind."""

_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})


class Database:
    """Runs functions of a connection, one after another, each all or nothing.

    A future is resolved when its transaction is on the disk (write-ahead log, synchronous FULL), never before.

    problem: why nothing more is written: somebody has deleted or replaced the file; empty while all is well.
    notice: what was found wrong at the start and was survived; empty where nothing was.
    """

    def __init__(self, path: Path, schema: Callable[[Connection], None]) -> None:
        self.problem = ""
        self.notice = ""
        self._path = path
        self._schema = schema
        self._calls: queue.Queue[_Call[Any] | None] = queue.Queue()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, name="sd_core-journal", daemon=True)
        self._guard = FileGuard(path)
        self._mark = CommitMark(Path(f"{path}-mark"))

    def open(self) -> None:
        """Open the file, check it, and make what is missing.

        Raises:
            JournalError: damaged; a copy has been made, and the file is as it was.
            OutputError: the disk is full or fails, or the file may not be written; it may well be sound.
        """
        self._thread.start()
        try:
            self._opened.result()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DISK:
                hint = "free some space on its disk, and see that you may write there"
                raise OutputError(str(self._path), f"cannot be written: {error}", hint=hint) from error
            kept = back_up(self._path)
            raise JournalError(
                f"the journal {self._path} is damaged ({error}); a copy is kept as {kept.name}",
                hint="repair it with `sqlite3 .recover`, or begin an empty one with --new-journal",
            ) from error

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, once its changes are on the disk.

        Raises:
            OutputError: no space is left, or the disk fails; nothing was changed.
            JournalError: the file is damaged, or was deleted or replaced; nothing was changed.
        """
        call = _Call(work, Future())
        self._calls.put(call)
        try:
            return await asyncio.wrap_future(call.future)
        except sqlite3.OperationalError as error:
            raise OutputError(
                self._path.name, f"cannot be written: {error}", hint="free some space on its disk"
            ) from error
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):  # ours, not the disk's
            raise
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"the journal {self._path} is damaged: {error}", hint="stop the server and repair it"
            ) from error

    def check_files(self) -> str:
        """Look whether the files are still those that were opened; gives `problem`. Any thread may."""
        if not self.problem and (found := self._guard.find_change()) is not None:
            self.problem = f"the journal was changed by others: {found}"
            _log.critical("journal lost", extra={"reason": self.problem})
        return self.problem

    def close(self) -> None:
        """Finish what waits and close the file."""
        self._calls.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection = _connect(self._path)
            self._prepare(connection)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits in `open`
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        with contextlib.closing(connection), contextlib.closing(self._mark):
            while (call := self._calls.get()) is not None:
                self._commit_together(connection, [call, *self._waiting()])

    def _prepare(self, connection: Connection) -> None:
        try:
            self._check_pages(connection)
            self._schema(connection)
            self._check_mark(connection)
        except BaseException:
            connection.close()
            self._mark.close()
            raise
        self._guard.find_change()

    def _check_pages(self, connection: Connection) -> None:
        """An index that disagrees with its table is rebuilt from that; any other damage is an error."""
        if (problems := _problems(connection)) and _concern_indices(problems):
            connection.execute("REINDEX")
            self._notice(f"an index of the journal was damaged and was rebuilt ({problems[0]})")
            problems = _problems(connection)
        if problems:
            raise sqlite3.DatabaseError("; ".join(problems[:3]))

    def _check_mark(self, connection: Connection) -> None:
        noted, found = self._mark.open(), _commits(connection)
        if found < noted:
            kept = back_up(self._path)
            self._notice(
                f"the journal lacks its last {noted - found} commits: its write-ahead log was damaged, or an older copy was "
                f"put in its place; jobs that were acknowledged may be missing; a copy is kept as {kept.name}"
            )
        self._note(found)

    def _notice(self, text: str) -> None:
        self.notice = f"{self.notice}; {text}" if self.notice else text
        _log.error("journal damaged", extra={"reason": text})

    def _waiting(self) -> list[_Call[Any]]:
        calls: list[_Call[Any]] = []
        with contextlib.suppress(queue.Empty):
            while len(calls) < _TOGETHER:
                call = self._calls.get_nowait()
                if call is None:
                    self._calls.put(None)
                    break
                calls.append(call)
        return calls

    def _commit_together(self, connection: Connection, calls: list[_Call[Any]]) -> None:
        """One transaction around a savepoint for each call: the failure of one leaves the others as they are."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            outcomes = [_outcome(connection, call) for call in calls]
            self._commit(connection, changed=connection.total_changes != before)
        except BaseException as error:  # noqa: BLE001 - every caller learns of it
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = [(call, None, error) for call in calls]
        for call, value, failure in outcomes:
            _resolve(call.future, value, failure)

    def _commit(self, connection: Connection, *, changed: bool) -> None:
        if not changed:
            connection.execute("COMMIT")
            return
        if self.check_files():
            raise JournalError(self.problem, hint="stop the server and put the journal back")
        connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'commits'")
        number = _commits(connection)
        connection.execute("COMMIT")
        self._note(number)

    def _note(self, number: int) -> None:
        """The commit stands, also where its number cannot be noted."""
        try:
            self._mark.note(number)
        except OSError as error:
            _log.error("commit mark not written", extra={"reason": str(error)})


def _connect(path: Path) -> Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = readable
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _problems(connection: Connection) -> list[str]:
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    return [] if problems == ["ok"] else problems


def _concern_indices(problems: list[str]) -> bool:
    return all("index" in problem.lower() or "non-unique entry" in problem for problem in problems)


def _commits(connection: Connection) -> int:
    (number,) = connection.execute("SELECT value FROM meta WHERE name = 'commits'").fetchone()
    return int(number)


def _outcome(connection: Connection, call: _Call[Any]) -> tuple[_Call[Any], Any, BaseException | None]:
    connection.execute("SAVEPOINT call")
    try:
        value = call.work(connection)
    except Exception as error:
        if not connection.in_transaction:  # a full disk has undone the whole of it
            raise
        connection.execute("ROLLBACK TO call")
        return call, None, error
    else:
        return call, value, None
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE call")


def _resolve(future: Future[Any], value: object, failure: BaseException | None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if failure is None:
        future.set_result(value)
    else:
        future.set_exception(failure)
