"""Lanes with fake engines: devices that fail, jobs that kill, servers that were killed; nobody's job is lost for it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from sd_core.requests import Animation
from sd_core.server import journal, setbacks
from sd_core.server.dispatcher import Dispatcher
from sd_core.server.job_run import JobRun
from sd_core.server.pipe import Message
from sd_core.server.records import JobState
from sd_core.server.service import Service
from sd_core.server.settings import Limits
from sd_core.server.stored_events import StoredEvent
from sd_core.server.supervisor import EngineProcess
from sd_core.values import npy_bytes
from tests.animation import worlds
from tests.server.fake_engine import picture
from tests.server.fakes import ended, image_of, serving, states, submit, until, use_fake_engines
from tests.server.servers import adjust


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_engines(monkeypatch)


def film(prompt: str) -> Animation:
    return Animation(prompt=prompt, seed=4, passes=worlds.occluder(2), num_inference_steps=4)


@pytest.mark.parametrize("broken", ["stillborn", "fragile"])
def test_a_broken_device_leaves_every_job_to_the_sound_one(tmp_path: Path, broken: str) -> None:
    names = [f"job{number}" for number in range(40)]

    async def story() -> None:
        async with serving(tmp_path, broken, "good") as service:
            jobs = [await submit(service, name) for name in names]
            assert await states(service, *names) == [JobState.DONE] * len(jobs)
            assert service.can_work

    asyncio.run(story())


@pytest.mark.parametrize("broken", ["stillborn", "fragile"])
def test_where_no_device_works_jobs_wait_and_health_says_so(tmp_path: Path, broken: str) -> None:
    names = ["a", "b", "c"]

    async def story() -> None:
        async with serving(tmp_path, broken) as service:
            for name in names:
                await submit(service, name)
            await until(lambda: service.dispatchers[0]._engine_backoff.failures > 4)
            assert service.dispatchers[0].problem
            await until(lambda: not service.can_work)
            assert broken in service.problems[0]
            counts = await service.store.database.run(journal.count_states)
            assert counts[JobState.FAILED] == 0
        async with serving(tmp_path, "good") as service:
            assert await states(service, *names) == [JobState.DONE] * 3
            assert service.can_work and not service.problems

    asyncio.run(story())


def test_a_job_that_kills_two_engines_is_set_aside_with_its_reason_and_the_others_run(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "bad", prompt="poison")
            for name in "abc":
                await submit(service, name)
            await service.hold(held=False)
            bad, *others = await ended(service, "bad", *"abc")
            assert (bad.state, bad.runs, bad.deaths) == (JobState.FAILED, 2, 2)
            assert "as in the run before" in bad.reason
            assert [(job.state, job.runs) for job in others] == [(JobState.DONE, 1)] * 3

    asyncio.run(story())


def test_who_follows_a_job_that_is_set_aside_hears_its_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "bad", film("frames=1 deadly=0"))
            await submit(service, "good")
            followed = asyncio.create_task(_events_of(service, "bad"))
            await service.hold(held=False)
            await ended(service, "bad", "good")
            events = await asyncio.wait_for(followed, 20)
            assert events[-1].data["kind"] == "failed" and [event.data["kind"] for event in events].count("failed") == 1
            assert [event.id for event in events] == sorted({event.id for event in events})
            again = [event async for event in service.events("bad", events[-2].id)]
            assert again == events[-1:]

    asyncio.run(story())


async def _events_of(service: Service, job_id: str) -> list[StoredEvent]:
    return [event async for event in service.events(job_id, 0)]


def test_a_job_that_is_alone_and_kills_two_engines_is_set_aside(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as service:
            await submit(service, "bad", prompt="poison")
            (bad,) = await ended(service, "bad")
            assert (bad.state, bad.runs) == (JobState.FAILED, 2)
            assert await states(service, (await submit(service, "good")).id) == [JobState.DONE]

    asyncio.run(story())


def test_progress_resets_the_count_of_deaths_and_finished_frames_outlive_the_failure(tmp_path: Path) -> None:
    """Each run tells one frame more than that before: 3 deaths at 3 places are no reason, 2 at one place are."""

    async def story() -> None:
        async with serving(tmp_path) as service:
            await submit(service, "film", film("frames=8 deadly=5"))
            (job,) = await ended(service, "film")
            assert (job.state, job.runs, job.frames) == (JobState.FAILED, 2, 5)
            kept = service.store.job_folder("film") / "output"
            assert len(list(kept.glob("*.done"))) == 5
            (kept / "5.done").touch()  # what killed it is repaired
            resumed = await service.resume("film")
            assert (resumed.state, resumed.deaths, resumed.reason) == (JobState.QUEUED, 0, "")
            (job,) = await ended(service, "film")
            assert (job.state, job.frames) == (JobState.DONE, 8)
            kinds = [event.data["kind"] async for event in service.events("film", 0)]
            assert kinds.count("frame") == 8 and kinds[-1] == "result" and "failed" not in kinds
            await until(lambda: not service.store.job_folder("film").exists())  # after it is written down as ended

    asyncio.run(story())


def test_deaths_are_counted_where_they_happen(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "film", film("slow"))
            run = service.store.database.run
            for frame in range(5):
                await run(lambda held: journal.take(held, "cpu", None, group=True))
                job = await service.job("film")
                event = journal.StoredEvent(journal.event_id(job.runs, 1), {"kind": "frame", "index": frame})
                await run(lambda held, job=job, event=event: journal.add_frame(held, job.number, event))
                assert not await run(lambda held, job=job: setbacks.count_death(held, job, "0"))
            job = await service.job("film")
            assert (job.deaths, job.state) == (1, JobState.QUEUED)

    asyncio.run(story())


@pytest.mark.parametrize("word", ["stale", "wrong", "garbage"])
def test_an_engine_that_tells_of_another_job_is_killed_and_its_picture_goes_to_nobody(
    tmp_path: Path, word: str
) -> None:
    async def story() -> bytes:
        async with serving(tmp_path) as service:
            await submit(service, "bad", prompt=word)
            await submit(service, "good")
            bad, good = await ended(service, "bad", "good")
            assert bad.state is JobState.FAILED
            assert await image_of(service, good) == npy_bytes(picture("good"))
            return service.store.metrics.exposition(await service.store.database.run(journal.count_states), 0)

    text = asyncio.run(story()).decode()
    assert ('sd_core_engine_mismatches_total{device="good"}' in text) == (word != "garbage")


def test_an_engine_that_hears_no_cancellation_after_its_job_failed_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineProcess.stop_order, "__defaults__", (0.1,))
    original, failures = JobRun._record, iter([True])

    async def record(run: JobRun, message: Message) -> None:
        if next(failures, False):
            raise ValueError("the server fails")
        await original(run, message)

    monkeypatch.setattr(JobRun, "_record", record)

    async def story() -> None:
        async with serving(tmp_path) as service:
            await until(lambda: service.dispatchers[0].is_ready)
            pid = pid_of(service)
            await submit(service, "bad", prompt="slow deaf")
            (job,) = await ended(service, "bad")
            assert (job.state, job.failures) == (JobState.DONE, 1)
            assert pid_of(service) != pid

    asyncio.run(story())


def pid_of(service: Service) -> int | None:
    engine = service.dispatchers[0].engine
    return None if engine is None else engine.pid


def test_a_job_whose_text_has_a_flipped_bit_is_set_aside_and_the_others_run(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            for name in "abc":
                await submit(service, name)
        flip(tmp_path, "UPDATE jobs SET request = replace(request, 'TextToImage', 'TextToImagf') WHERE id = 'a'")
        flip(tmp_path, "UPDATE jobs SET request = CAST(x'7bff22' AS TEXT) WHERE id = 'b'")
        async with serving(tmp_path) as service:
            await service.hold(held=False)
            assert await states(service, *"abc") == [JobState.FAILED, JobState.FAILED, JobState.DONE]
            job = await service.job("a")
            assert "checksum" in job.reason and job.damaged
            await service.forget("a")
            await service.forget("b")
            assert [job.id for job in await service.list_jobs(None, 0, 9)] == ["c"]
            assert service.dispatchers[0].can_work

    asyncio.run(story())


def flip(home: Path, statement: str) -> None:
    """Change the journal of a stopped server behind its back."""
    with sqlite3.connect(home / "journal.sqlite3") as connection:
        connection.execute(statement)
    connection.close()


DAMAGE = [
    "UPDATE jobs SET state = 'donf' WHERE id = 'a'",
    "UPDATE jobs SET model = CAST(x'ff' AS TEXT) WHERE id = 'a'",
    "UPDATE jobs SET priority = 77 WHERE id = 'a'",
    "UPDATE jobs SET submitted = 'x' WHERE id = 'a'",
    "UPDATE events SET data = replace(data, 'result', 'resumt')",
    "UPDATE events SET data = CAST(x'ff' AS TEXT)",
    "UPDATE jobs SET attachments = '{' WHERE id = 'a'",
]


@pytest.mark.parametrize(
    "statement", [*DAMAGE[:2], *(pytest.param(text, marks=pytest.mark.slow) for text in DAMAGE[2:])]
)
def test_a_flipped_bit_in_a_finished_job_keeps_no_server_from_starting(tmp_path: Path, statement: str) -> None:
    async def story() -> None:
        async with serving(tmp_path) as service:
            await submit(service, "a")
            await ended(service, "a")
        flip(tmp_path, statement)
        async with serving(tmp_path) as service:
            assert (await service.job("a")).state is JobState.DONE
            last = await service.result(await service.job("a"))
            assert last is not None
            assert last.data["kind"] == ("failed" if "events" in statement else "result")
            assert len(await service.list_jobs(None, 0, 9)) == 1
            assert await states(service, (await submit(service, "b")).id) == [JobState.DONE]
            await service.forget("a")

    asyncio.run(story())


def test_a_dispatcher_goes_on_after_any_failure_and_says_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [True]
    original = Dispatcher._take

    async def take(dispatcher: Dispatcher, device: str) -> object:
        if failing[0]:
            raise RuntimeError("no more descriptors")
        return await original(dispatcher, device)

    monkeypatch.setattr(Dispatcher, "_take", take)

    async def story() -> None:
        async with serving(tmp_path) as service:
            await submit(service, "a")
            await until(lambda: service.problems)
            assert "no more descriptors" in service.problems[0]
            failing[0] = False
            assert await states(service, "a") == [JobState.DONE]
            await until(lambda: not service.problems)
            text = service.store.metrics.exposition(await service.store.database.run(journal.count_states), 0)
            assert b"sd_core_lane_failures_total{" in text

    asyncio.run(story())


def test_a_job_that_takes_the_machine_down_is_not_run_first_for_ever(tmp_path: Path) -> None:
    async def story() -> list[int]:
        places = []
        async with serving(tmp_path, start_held=True) as service:
            for name in "abc":
                await submit(service, name)
            run = service.store.database.run
            for _ in range(2):
                job = await run(lambda held: journal.take(held, "cpu", None, group=True))
                assert job is not None and job.id == "a"
                assert await run(setbacks.count_interruptions) == setbacks.InterruptedJobs(1, [])
                places.append([job.id for job in await service.list_jobs(JobState.QUEUED, 0, 9)].index("a"))
            for name in "bc":
                await service.cancel(name)
            for _ in range(3):
                await run(lambda held: journal.take(held, "cpu", None, group=True))
                found = await run(setbacks.count_interruptions)
            assert [job.id for job in found.to_set_aside] == ["a"]
        return places

    assert asyncio.run(story()) == [0, 2]


def test_a_queue_that_is_held_stays_so_over_a_restart_until_it_is_released(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as service:
            await service.hold(held=True)
            await submit(service, "a")
        async with serving(tmp_path) as service:
            await until(lambda: service.dispatchers[0].is_ready)
            assert service.store.is_queue_held and "the queue is held" in service.problems[0]
            assert (await service.job("a")).state is JobState.QUEUED
            await service.hold(held=False)
            assert await states(service, "a") == [JobState.DONE]

    asyncio.run(story())


def test_a_server_that_is_started_held_is_held_for_this_run_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "a")
            await until(lambda: service.dispatchers[0].is_ready)
            assert (await service.job("a")).state is JobState.QUEUED and service.problems
        async with serving(tmp_path) as service:
            assert await states(service, "a") == [JobState.DONE] and not service.problems

    asyncio.run(story())


def test_a_server_that_stops_in_order_holds_nothing_against_the_job_that_ran(tmp_path: Path) -> None:
    async def story() -> None:
        for _ in range(3):
            async with serving(tmp_path) as service:
                if not await service.list_jobs(None, 0, 9):
                    await submit(service, "a", prompt="slow")
                await until(lambda: service.dispatchers[0].job_run is not None)
        async with serving(tmp_path) as service:
            (job,) = await ended(service, "a")
            assert (job.state, job.interruptions, job.deaths) == (JobState.DONE, 0, 0)

    asyncio.run(story())


def test_a_forgotten_job_goes_with_its_pictures_but_for_those_of_others(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as service:
            await submit(service, "a", prompt="same")
            await submit(service, "b", prompt="same")
            await submit(service, "c")
            jobs = await ended(service, "a", "b", "c")
            await service.forget("c")
            assert len(service.store.blobs) == 1
            await service.forget("a")
            assert await image_of(service, jobs[1]) == npy_bytes(picture("same"))
            await service.forget("b")
            assert len(service.store.blobs) == 0

    asyncio.run(story())


def test_finished_jobs_beyond_the_bound_are_forgotten_while_the_server_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, limits=Limits(kept_jobs=3)) as service:
            names = [(await submit(service, f"j{n}")).id for n in range(6)]
            await ended(service, *names)
            service._housekeeper._next_prune = 0
            await until(lambda: fewer(service, 4))
            assert [job.id for job in await service.list_jobs(None, 0, 9)] == names[3:]

    asyncio.run(story())


async def fewer(service: Service, count: int) -> bool:
    return len(await service.list_jobs(None, 0, 99)) < count


def test_a_damaged_input_fails_its_job_by_name_and_sending_it_again_repairs_it(tmp_path: Path) -> None:
    request = adjust(3)
    (digest,) = request.arrays()

    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "a", request)
            path = service.store.blobs.folder / f"{digest}.npy"
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= 1
            path.write_bytes(raw)
            await service.hold(held=False)
            (job,) = await ended(service, "a")
            assert job.state is JobState.FAILED and digest in job.reason and "sending it again repairs it" in job.reason
            assert len(list((service.store.blobs.folder / "damaged").iterdir())) == 1
            service.store.blobs.put({digest: npy_bytes(request.image)})
            await service.resume("a")
            assert await states(service, "a") == [JobState.DONE]

    asyncio.run(story())


def test_a_job_that_counts_as_running_and_has_no_dispatcher_runs_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path, start_held=True) as service:
            await submit(service, "a")
            await service.store.database.run(lambda held: journal.take(held, "cpu", None, group=True))
            await service.hold(held=False)
            await service._housekeeper.check()
            await service._housekeeper.check()
            (job,) = await ended(service, "a")
            assert (job.state, job.failures) == (JobState.DONE, 1)

    asyncio.run(story())
