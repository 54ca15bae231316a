"""A journal that is damaged, replaced or emptied: noticed before anything more is acknowledged."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sd_core.errors import ServerError
from sd_core.server import journal
from sd_core.server.database import Database, JournalError
from sd_core.server.tables import make_tables
from tests.server.fakes import serving, submit
from tests.server.test_journal import Held, new


def replaced(path: Path) -> None:
    shutil.copy(path, f"{path}.new")
    Path(f"{path}.new").replace(path)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


CHANGES: list[tuple[str, Callable[[Path], None]]] = [
    (suffix, change) for suffix in ("", "-wal") for change in (Path.unlink, replaced, emptied)
]


@pytest.mark.parametrize(("suffix", "change"), CHANGES)
def test_a_journal_that_somebody_changes_acknowledges_nothing_more(
    tmp_path: Path, suffix: str, change: Callable[[Path], None]
) -> None:
    held = Held(tmp_path / "journal.sqlite3")
    held.add("a")
    assert held.database.check_files() == ""
    change(Path(f"{held.path}{suffix}"))
    with pytest.raises(JournalError, match="while it was in use"):
        held.add("b")
    assert held.database.problem
    held.database.close()


def test_a_server_whose_journal_is_gone_refuses_jobs_and_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, "none") as service:
            await submit(service, "a")
            (tmp_path / "journal.sqlite3").unlink()
            with pytest.raises(ServerError) as caught:
                await submit(service, "b")
            assert caught.value.status == 503
            assert not service.can_work and "deleted" in service.problems[0]

    asyncio.run(story())


def crashed(path: Path, jobs: int) -> None:
    """A journal with its write-ahead log, as a killed server leaves it."""
    held = Held(path)
    for number in range(jobs):
        held.add(f"job{number}")
    folder = path.parent / "copy"
    folder.mkdir()
    for suffix in ("", "-wal", "-mark"):
        shutil.copy(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    held.database.close()
    for suffix in ("", "-wal", "-mark"):
        (folder / f"{path.name}{suffix}").replace(f"{path}{suffix}")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_commits_that_a_damaged_log_has_lost_are_reported(tmp_path: Path, place: float, damage: str) -> None:
    path = tmp_path / "journal.sqlite3"
    crashed(path, 30)
    log = Path(f"{path}-wal")
    raw = bytearray(log.read_bytes())
    middle = int(len(raw) * place)
    raw[middle] ^= 4
    log.write_bytes(raw if damage == "flip" else raw[:middle])
    held = Held(path)
    assert "lacks its last" in held.database.notice
    assert len(held(lambda connection: journal.list_jobs(connection, None, 0, 99))) < 30
    assert list(tmp_path.glob("*.damaged-*-wal"))
    held.database.close()
    again = Held(path)
    assert again.database.notice == ""
    again.database.close()


def test_a_killed_server_whose_log_is_whole_has_lost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    crashed(path, 30)
    held = Held(path)
    assert held.database.notice == ""
    assert len(held(lambda connection: journal.list_jobs(connection, None, 0, 99))) == 30
    held.database.close()


def test_an_index_that_disagrees_with_its_table_is_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    held = Held(path)
    for number in range(5):
        held.add(f"job{number}")
    held.database.close()
    raw = path.read_bytes()
    (first, *_) = [place for place in range(len(raw)) if raw.startswith(b"job3", place)]
    damaged = bytearray(raw)
    damaged[first + 3] = ord("8")
    path.write_bytes(damaged)
    again = Held(path)
    assert "index" in again.database.notice
    found = again(lambda connection: journal.list_jobs(connection, None, 0, 9))
    assert len(found) == 5
    again.database.close()


def test_every_flipped_bit_of_a_row_is_noticed(tmp_path: Path) -> None:
    """In place of each text and number of a job another one: its row is damaged, and that of no other."""
    path = tmp_path / "journal.sqlite3"
    held = Held(path)
    held.add("a")
    held.add("b")
    held.database.close()
    changes = {
        "state": "'queuee'", "priority": "1", "place": "1.5", "moved": "1", "model": "'n'", "runs": "4", "deaths": "1",
        "submitted": "submitted + 1", "owner": "'x'", "type": "'Adjusu'", "bytes": "1", "work": "0.5", "frames": "2",
        "reason": "'x'", "request": "request || ' '", "attachments": "'{ }'",
    }  # fmt: skip
    for column, value in changes.items():
        copy = tmp_path / f"{column}.sqlite3"
        shutil.copy(path, copy)
        with sqlite3.connect(copy) as connection:
            connection.execute(f"UPDATE jobs SET {column} = {value} WHERE number = 1")  # noqa: S608
        connection.close()
        database = Database(copy, make_tables)
        database.open()
        states = [
            asyncio.run(database.run(lambda held, name=name: journal.get(held, name))).damaged for name in ("a", "b")
        ]
        database.close()
        assert states == [True, False], column


def test_a_job_that_is_damaged_is_not_taken_for_the_same(tmp_path: Path) -> None:
    held = Held(tmp_path / "journal.sqlite3")
    held.add("a")
    held(lambda connection: connection.execute("UPDATE jobs SET request = request || ' '"))
    with pytest.raises(ServerError, match="forget it"):
        held(lambda connection: journal.add(connection, new("a"), 9))
    held.database.close()


def test_looks_from_another_thread_while_the_journal_grows_raise_no_false_alarm(tmp_path: Path) -> None:
    held = Held(tmp_path / "journal.sqlite3")
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            held.database.check_files()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(100):
        held(lambda connection, number=number: journal.add(connection, new(f"j{number}", model="x" * 5000), 10_000))
    stop.set()
    for thread in threads:
        thread.join()
    assert held.database.problem == ""
    held.database.close()
