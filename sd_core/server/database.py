"""SQLite in a thread of its own: every call is one transaction, and those that wait are committed together."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..errors import OutputError, SDError

T = TypeVar("T")
Connection = sqlite3.Connection

_TOGETHER = 256
"""Most calls in one commit."""


class JournalError(SDError):
    """The journal is damaged, or of a later version of the program."""


@dataclass(slots=True)
class _Call(Generic[T]):
    work: Callable[[Connection], T]
    future: Future[T]


class Database:
    """Runs functions of a connection, one after another, each all or nothing.

    A future is resolved when its transaction is on the disk (write-ahead log, synchronous FULL), never before.
    """

    def __init__(self, path: Path, schema: Callable[[Connection], None]) -> None:
        self._path = path
        self._schema = schema
        self._calls: queue.Queue[_Call[Any] | None] = queue.Queue()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, name="sd_core-journal", daemon=True)

    def open(self) -> None:
        """Open the file, check every page of it, and make what is missing.

        Raises:
            JournalError: damaged; a copy has been made, and the file is as it was.
        """
        self._thread.start()
        try:
            self._opened.result()
        except sqlite3.Error as error:
            kept = _back_up(self._path)
            raise JournalError(
                f"the journal {self._path} is damaged ({error}); a copy is kept as {kept.name}",
                hint="repair it with `sqlite3 .recover`, or begin an empty one with --new-journal",
            ) from error

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, once its changes are on the disk.

        Raises:
            OutputError: no space is left, or the disk fails; nothing was changed.
        """
        call = _Call(work, Future())
        self._calls.put(call)
        try:
            return await asyncio.wrap_future(call.future)
        except sqlite3.OperationalError as error:
            raise OutputError(
                str(self._path), f"cannot be written: {error}", hint="free some space on its disk"
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"the journal {self._path} is damaged: {error}", hint="stop the server and repair it"
            ) from error

    def close(self) -> None:
        """Finish what waits and close the file."""
        self._calls.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection = _connect(self._path, self._schema)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits in `open`
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        with contextlib.closing(connection):
            while (call := self._calls.get()) is not None:
                _commit_together(connection, [call, *self._waiting()])

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


def put_aside(path: Path) -> Path | None:
    """Rename a journal so that a new one can be begun; None where there is none."""
    if not path.exists():
        return None
    kept = _kept_name(path)
    for suffix in ("", "-wal", "-shm"):
        if (beside := Path(f"{path}{suffix}")).exists():
            beside.rename(f"{kept}{suffix}")
    return kept


def _back_up(path: Path) -> Path:
    kept = _kept_name(path)
    for suffix in ("", "-wal"):
        if (beside := Path(f"{path}{suffix}")).exists():
            shutil.copy2(beside, f"{kept}{suffix}")
    return kept


def _kept_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}")


def _connect(path: Path, schema: Callable[[Connection], None]) -> Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _check_pages(connection)
        schema(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_pages(connection: Connection) -> None:
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise sqlite3.DatabaseError("; ".join(problems))


def _commit_together(connection: Connection, calls: list[_Call[Any]]) -> None:
    """One transaction around a savepoint for each call: the failure of one leaves the others as they are."""
    outcomes: list[tuple[_Call[Any], Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_outcome(connection, call) for call in calls]
        connection.execute("COMMIT")
    except BaseException as error:  # noqa: BLE001 - every caller learns of it
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        outcomes = [(call, None, error) for call in calls]
    for call, value, failure in outcomes:
        _resolve(call.future, value, failure)


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
