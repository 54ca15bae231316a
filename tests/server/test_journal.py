"""The journal: what is acknowledged is on the disk, in an order that makes sense."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sd_core.errors import OutputError, SDError, ServerError
from sd_core.server import journal, setbacks
from sd_core.server.blob_references import ResultBlobs
from sd_core.server.database import Connection, Database, JournalError, set_journal_aside
from sd_core.server.records import JobState, NewJob, Priority
from sd_core.server.result_blob_rows import read_result_blobs
from sd_core.server.stored_events import StoredEvent, event_id, events
from sd_core.server.tables import make_tables
from tests.server import journals

T = TypeVar("T")


class Held:
    """An open journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path, make_tables)
        self.database.open()

    def __call__(self, work: Callable[[Connection], T]) -> T:
        return asyncio.run(self.database.run(work))

    def add(self, job_id: str, priority: Priority = Priority.INTERACTIVE, model: str | None = "m") -> None:
        self(lambda connection: journal.add(connection, new(job_id, priority, model), 100))

    def take(self, loaded: str | None = None, *, group: bool = True) -> str | None:
        job = self(lambda connection: journal.take(connection, "cpu", loaded, group=group))
        return None if job is None else job.id


def new(job_id: str, priority: Priority = Priority.INTERACTIVE, model: str | None = "m", **more: Any) -> NewJob:
    values = {"request": '{"type": "Adjust"}', "attachments": {}, "blobs": frozenset({"a", "b"})} | more
    return NewJob(id=job_id, priority=priority, model=model, **values)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    held = Held(tmp_path / "journal.sqlite3")
    yield held
    held.database.close()


def test_interactive_jobs_go_before_batches_and_both_in_order(held: Held) -> None:
    for job_id, priority in (("b1", "batch"), ("i1", "interactive"), ("b2", "batch"), ("i2", "interactive")):
        held.add(job_id, Priority(priority))
    assert [held.take() for _ in range(5)] == ["i1", "i2", "b1", "b2", None]


def test_jobs_of_the_loaded_model_are_grouped_within_a_priority(held: Held) -> None:
    for job_id, model in (("x1", "x"), ("y1", "y"), ("x2", "x")):
        held.add(job_id, model=model)
    held.add("batch-x", Priority.BATCH, "x")
    assert [held.take("x") for _ in range(4)] == ["x1", "x2", "y1", "batch-x"]


def test_without_grouping_the_order_is_that_of_arrival(held: Held) -> None:
    for job_id, model in (("y1", "y"), ("x1", "x")):
        held.add(job_id, model=model)
    assert held.take("x", group=False) == "y1"


def test_a_job_that_was_moved_to_the_front_is_next_whatever_is_loaded(held: Held) -> None:
    for job_id, model in (("x1", "x"), ("x2", "x"), ("y1", "y")):
        held.add(job_id, model=model)
    held(lambda connection: setbacks.move(connection, "y1", 0, None))
    assert [held.take("x") for _ in range(3)] == ["y1", "x1", "x2"]


@pytest.mark.parametrize("position", [0, 1, 3, 99])
def test_a_moved_job_stands_where_it_was_put(held: Held, position: int) -> None:
    for name in "abcd":
        held.add(name)
    held(lambda connection: setbacks.move(connection, "b", position, None))
    wanted = list("acd")
    wanted.insert(position, "b")
    assert [job.id for job in held(lambda connection: journal.list_jobs(connection, JobState.QUEUED, 0, 10))] == wanted
    assert [held.take() for _ in range(4)] == wanted


def test_a_repeated_job_changes_nothing_and_another_one_of_its_id_is_refused(held: Held) -> None:
    held.add("a")
    job, before = held(lambda connection: journal.add(connection, new("a"), 100))
    assert (job.number, before) == (1, None)
    with pytest.raises(ServerError) as caught:
        held(lambda connection: journal.add(connection, new("a", request='{"type": "Other"}'), 100))
    assert caught.value.status == 409


def test_too_many_jobs_are_refused(held: Held) -> None:
    held.add("a")
    with pytest.raises(ServerError) as caught:
        held(lambda connection: journal.add(connection, new("b"), 1))
    assert caught.value.status == 429


def test_waiting_jobs_are_listed_page_by_page_in_the_order_in_which_they_will_run(held: Held) -> None:
    for number, name in enumerate("abcdef"):
        held.add(name, Priority.BATCH if number % 2 else Priority.INTERACTIVE)
    held(lambda connection: setbacks.move(connection, "e", 0, None))

    def page(after: int, owner: str | None = None) -> list[tuple[str, int]]:
        found = held(lambda connection: journal.list_jobs(connection, JobState.QUEUED, after, 2, owner))
        return [(job.id, job.number) for job in found]

    pages = [page(0)]
    assert held.take() == "e", "a job that has started in the meantime still tells its place"
    while pages[-1]:
        pages.append(page(pages[-1][-1][1]))
    assert "".join(name for names in pages for name, _ in names) == "eacbdf"
    for after, owner in ((99, None), (1, "ben")):
        with pytest.raises(ServerError, match="no job number") as caught:
            page(after, owner)
        assert caught.value.status == 409


def test_nobody_but_the_admin_fills_the_queue(held: Held) -> None:
    def fill(owner: str) -> int:
        for count in range(100):
            job = new(f"{owner}-{count}", owner=owner)
            try:
                held(lambda connection, job=job: journal.add(connection, job, 20))
            except ServerError:
                return count
        return 100

    assert [fill(owner) for owner in ("anna", "ben", "eve", "finn", "gus", "")] == [10, 5, 2, 1, 1, 1]


def test_what_ran_when_the_server_ended_waits_again_at_its_place(tmp_path: Path) -> None:
    first = Held(tmp_path / "journal.sqlite3")
    for name in "abc":
        first.add(name)
    assert first.take() == "a"
    first.database.close()
    second = Held(tmp_path / "journal.sqlite3")
    assert second(setbacks.count_interruptions) == setbacks.InterruptedJobs(1, [])
    assert [second.take() for _ in range(3)] == ["a", "b", "c"]
    assert second(lambda connection: journal.get(connection, "a")).runs == 2
    second.database.close()


def test_a_finished_job_stays_finished(held: Held) -> None:
    held.add("a")
    job = held(lambda connection: journal.take(connection, "cpu", None, group=True))
    assert job is not None
    for state, number in ((JobState.DONE, 1), (JobState.FAILED, 2)):
        last = StoredEvent(event_id(1, number), {"kind": str(state)})
        held(lambda connection, state=state, last=last: journal.finish(connection, job, state, last))
    held(lambda connection: journal.requeue(connection, job))
    held(lambda connection: journal.cancel_waiting(connection, "a"))
    assert held(lambda connection: journal.get(connection, "a")).state is JobState.DONE
    assert [event.data["kind"] for event in held(lambda connection: events(connection, job.number, 0))] == [
        "queued",
        "done",
    ]


def test_blobs_are_needed_until_the_job_ends(held: Held) -> None:
    held.add("a")
    held.add("b")
    assert held(journal.needed_blobs) == {"a": 2, "b": 2}
    held(lambda connection: journal.cancel_waiting(connection, "a"))
    assert held(journal.needed_blobs) == {"a": 1, "b": 1}


def test_only_the_oldest_finished_jobs_are_forgotten(held: Held) -> None:
    for name in "abc":
        held.add(name)
    for name in "ab":
        held(lambda connection, name=name: journal.cancel_waiting(connection, name))
    old = held(lambda connection: setbacks.expired_jobs(connection, 1, 0))
    assert [job.id for job in old] == ["a"]
    held(lambda connection: setbacks.forget(connection, old))
    assert [job.id for job in held(lambda connection: journal.list_jobs(connection, None, 0, 10))] == ["b", "c"]


def test_jobs_that_were_set_aside_are_counted_until_they_are_resumed_or_forgotten(held: Held) -> None:
    for name, reason in (("a", "an engine died twice"), ("b", "its row is damaged"), ("c", "")):
        held.add(name)
        job = held(lambda connection: journal.take(connection, "cpu", None, group=True))
        assert job is not None and job.id == name
        last = StoredEvent(event_id(1, 1), {"kind": "failed"})
        held(lambda held_, job=job, last=last, why=reason: journal.finish(held_, job, JobState.FAILED, last, why))
    assert held(journal.count_set_aside) == 2
    held(lambda connection: setbacks.resume(connection, "a"))
    assert held(journal.count_set_aside) == 1
    held(lambda connection: setbacks.forget(connection, [journal.get(connection, "b")]))
    assert held(journal.count_set_aside) == 0


def test_ids_of_a_later_run_are_greater() -> None:
    assert event_id(0, 1) < event_id(1, 1) < event_id(1, 2**31) < event_id(2, 0)


def test_one_failure_leaves_the_others_of_its_commit(held: Held) -> None:
    async def together() -> list[object]:
        calls = [lambda connection, n=n: journal.add(connection, new(f"j{n}"), 100 if n != 3 else 0) for n in range(6)]
        return await asyncio.gather(*(held.database.run(call) for call in calls), return_exceptions=True)

    failed = [isinstance(outcome, SDError) for outcome in asyncio.run(together())]
    assert failed == [False, False, False, True, False, False]
    assert len(held(lambda connection: journal.list_jobs(connection, None, 0, 10))) == 5


def test_a_full_disk_refuses_and_loses_nothing(held: Held) -> None:
    (pages,) = held(lambda connection: tuple(connection.execute("PRAGMA page_count").fetchone()))
    held(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    with pytest.raises(OutputError, match="free some space"):
        add_until_full(held)
    waiting = len(held(lambda connection: journal.list_jobs(connection, None, 0, 100)))
    held(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
    held.add("later")
    assert len(held(lambda connection: journal.list_jobs(connection, None, 0, 100))) == waiting + 1
    assert held(lambda connection: connection.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"


def add_until_full(held: Held) -> None:
    """Add jobs of some kilobytes; every one before the error is there."""
    filler = '{"type": "' + "a" * 2000 + '"}'
    for number in range(1000):
        held(lambda connection, number=number: journal.add(connection, new(f"j{number}", request=filler), 10_000))
        assert held(lambda connection, number=number: journal.get(connection, f"j{number}")).request == filler


def test_a_damaged_page_is_an_error_and_the_file_is_kept_twice(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    Held(path).database.close()
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    for n in range(200):
        journal.add(connection, new(f"job{n}", blobs=frozenset({f"{n:064d}"})), 1000)
    connection.commit()
    connection.close()
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 8192 * 4096
    damaged[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match=r"damaged.*a copy is kept.*--new-journal"):
        Held(path)
    assert path.read_bytes() == damaged
    (kept,) = tmp_path.glob("journal.sqlite3.damaged-*")
    assert kept.read_bytes() == damaged
    set_journal_aside(path)
    Held(path).database.close()
    assert len(list(tmp_path.glob("journal.sqlite3.damaged-*"))) == 2


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(JournalError, match="damaged"):
        Held(path)


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalError, match="update sd_core"):
        Held(path)


def test_a_journal_of_version_1_is_read_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journals.write_version_1(path)
    held = Held(path)
    try:
        listed = {job.id: job for job in held(lambda connection: journal.list_jobs(connection, None, 0, 10))}
        assert [(job.id, str(job.state), job.type, job.frames, job.damaged) for job in listed.values()] == [
            ("done", "done", "Adjust", 0, False),
            ("wait", "queued", "Adjust", 0, False),
            ("film", "running", "Animation", 1, False),
            ("broken", "failed", "", 0, False),
        ]
        for number, (job_id, _, request, old_events) in enumerate(journals.JOBS, 1):
            assert held(lambda connection, job_id=job_id: journal.get(connection, job_id)).request == request
            read = held(lambda connection, number=number: events(connection, number, 0))
            assert [(event.id, event.data) for event in read] == old_events
        assert held(lambda connection: list(read_result_blobs(connection))) == [
            ResultBlobs(frozenset({journals.MADE}), frozenset({journals.INPUT}))
        ]
        assert held(setbacks.count_interruptions).waiting == 1
        assert [held.take() for _ in range(3)] == ["wait", "film", None]
    finally:
        held.database.close()


def test_a_migration_that_is_interrupted_leaves_the_old_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite3"
    journals.write_version_1(path)
    with monkeypatch.context() as patched:
        patched.setattr("sd_core.server.tables.reseal", pull_the_plug)
        with pytest.raises(OSError, match="pulled"):
            Held(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    held = Held(path)
    assert len(held(lambda connection: journal.list_jobs(connection, None, 0, 10))) == 4
    held.database.close()


def pull_the_plug(*_: object) -> None:
    raise OSError("the plug was pulled")
