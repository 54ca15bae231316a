"""Jobs of the extension: nothing waits, nothing is lost, and nothing comes where it no longer belongs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sd_core.client import connect, start_server
from sd_core.errors import Cancelled, EngineDied, RequestError, SDError, ServerError
from sd_core.requests import TextToImage
from tests.blender.conftest import PYTHON
from tests.blender.snapshot import differences, snapshot
from tests.server.servers import START, adjust, engine_pid, kill, wait_for

pytestmark = pytest.mark.blender

SECONDS = 240
LONG = TextToImage(prompt="a red wall", width=256, height=256, seed=1, num_inference_steps=200)


def pump(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """What the timer does in a window, until something holds."""
    from blender_addon import jobs

    def drained() -> object:
        jobs.handle_events()
        return condition()

    wait_for(drained, seconds)


def test_a_job_that_was_submitted_has_not_even_begun_when_the_operator_returns(
    addon: ModuleType, settings: Any
) -> None:
    import bpy

    from blender_addon import jobs
    from blender_addon.job import JobStage

    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    assert job.stage is JobStage.PREPARING and job.progress == 0
    jobs.wait(job, SECONDS)
    assert job.stage is JobStage.DONE and job.progress == 1


def test_callbacks_run_on_the_main_thread_and_conversions_do_not(addon: ModuleType) -> None:
    from blender_addon import jobs

    seen: dict[str, str] = {}

    def note(place: str) -> None:
        seen[place] = threading.current_thread().name

    job = jobs.submit(
        lambda _: (note("make"), adjust())[1],
        label="threads",
        convert=lambda _: note("convert"),
        on_result=lambda *_: note("result"),
        on_end=lambda _: note("end"),
    )
    jobs.wait(job, SECONDS)
    main = threading.main_thread().name
    assert seen == {"make": "sd_core-threads", "convert": "sd_core-threads", "result": main, "end": main}


def test_a_tick_stops_when_its_time_is_spent_and_loses_no_event(addon: ModuleType) -> None:
    from blender_addon import jobs

    done: list[str] = []

    def slow(job: Any, *_: object) -> None:
        time.sleep(0.01)
        done.append(job.label)

    made = [jobs.submit(adjust(seed), label=f"job {seed}", on_result=slow) for seed in range(5)]
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith("sd_core-job ")], SECONDS)
    ticks = 0
    while len(done) < len(made):
        before = len(done)
        assert jobs.handle_events() > 0
        assert len(done) - before <= 1  # one callback is longer than the budget
        ticks += 1
    assert ticks >= len(made) and sorted(done) == [job.label for job in made]


def test_cancelling_ends_a_job_and_leaves_the_scene_as_it_was(addon: ModuleType, settings: Any) -> None:
    import bpy

    from blender_addon import jobs
    from blender_addon.job import JobStage

    settings.num_inference_steps = 1000
    before, images = snapshot(bpy.context.scene), len(bpy.data.images)
    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    pump(lambda: job.stage is JobStage.RUNNING)
    bpy.ops.sdcore.cancel()
    pump(lambda: job.has_ended)
    assert job.stage is JobStage.CANCELLED and job.progress < 1
    assert differences(before, snapshot(bpy.context.scene)) == [] and len(bpy.data.images) == images
    with pytest.raises(Cancelled):
        jobs.wait(job)


def test_a_job_that_waits_can_be_cancelled_before_it_begins(addon: ModuleType) -> None:
    from blender_addon import jobs
    from blender_addon.job import JobStage

    first = jobs.submit(LONG, label="first")
    pump(lambda: first.stage is JobStage.RUNNING)
    second = jobs.submit(adjust(), label="second")
    second.cancel()
    pump(lambda: second.has_ended)
    assert second.stage is JobStage.CANCELLED and not first.has_ended
    first.cancel()
    pump(lambda: first.has_ended)


def test_a_fault_in_a_callback_is_reported_and_stops_no_other_job(addon: ModuleType) -> None:
    from blender_addon import jobs

    def broken(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    bad = jobs.submit(adjust(1), label="bad", on_result=broken)
    good = jobs.submit(adjust(2), label="good")
    jobs.wait(good, SECONDS)
    with pytest.raises(SDError, match="on purpose"):
        jobs.wait(bad, SECONDS)


def test_an_error_in_a_callback_keeps_its_remedy(addon: ModuleType) -> None:
    from blender_addon import jobs

    def refused(*_: object) -> None:
        raise RequestError("uvs", "the object was edited meanwhile", hint="project again")

    job = jobs.submit(adjust(3), label="refused", on_result=refused)
    with pytest.raises(RequestError, match=r"uvs: the object was edited meanwhile; project again"):
        jobs.wait(job, SECONDS)


def test_a_result_does_not_come_into_another_file(addon: ModuleType, settings: Any) -> None:
    import bpy

    from blender_addon import history, jobs

    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    kept = len(list(history.history_folder().glob("*.png")))
    bpy.ops.wm.read_factory_settings()
    jobs.wait(job, SECONDS)
    assert [image.name for image in bpy.data.images if "sd_core" in image] == []
    assert len(list(history.history_folder().glob("*.png"))) == kept + 1


def test_a_result_that_is_taken_over_in_parts_leaves_time_between_them(addon: ModuleType) -> None:
    from blender_addon import jobs
    from blender_addon.job import JobStage

    parts: list[int] = []

    def take(*_: object) -> Iterator[None]:
        for part in range(4):
            time.sleep(0.005)
            parts.append(part)
            yield

    job = jobs.submit(adjust(), label="parts", on_result=take)
    pump(lambda: parts == [0])
    for count in (2, 3, 4):
        assert jobs.handle_events() == 1 and len(parts) == count and job.stage is not JobStage.DONE
    jobs.wait(job, 5)
    assert job.stage is JobStage.DONE


def test_an_undo_in_the_middle_is_safe(addon: ModuleType, settings: Any) -> None:
    """After an undo every reference to a datablock is stale; results are placed by name."""
    import bpy

    from blender_addon import jobs

    bpy.ops.sdcore.generate_texture()
    (job,) = jobs.running_jobs()
    bpy.ops.object.delete()
    assert "Cube" not in bpy.data.objects
    jobs.wait(job, SECONDS)
    assert any(material.name.startswith("a red wall") for material in bpy.data.materials)


@pytest.fixture
def own_server(bare_addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of this test alone, to be killed."""
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path))
    server = start_server(PYTHON, START, home=tmp_path, timeout=180)
    yield server
    server.stop()


def test_a_killed_server_is_reported_with_a_button_that_starts_another_and_takes_up_the_job(
    own_server: Any, settings: Any
) -> None:
    import bpy

    from blender_addon import connection, jobs, problems
    from blender_addon.job import JobStage

    settings.num_inference_steps = 1000
    before = snapshot(bpy.context.scene)
    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    pump(lambda: job.stage is JobStage.RUNNING)
    kill(own_server.process.pid)
    pump(lambda: job.has_ended, 60)
    assert job.stage is JobStage.FAILED and isinstance(job.error, (ServerError, EngineDied))
    assert differences(before, snapshot(bpy.context.scene)) == []
    fix = problems.fix_of(job.error)
    assert fix is not None and fix.operator == "sdcore.start_server"
    bpy.ops.sdcore.start_server()
    pump(lambda: job.stage is JobStage.RUNNING)
    assert connection.server.is_started_here and job.error is None
    with connect() as client:
        assert [held["id"] for held in client.jobs()] == [job.id]
    bpy.ops.sdcore.cancel()
    pump(lambda: job.has_ended)
    assert job.stage is JobStage.CANCELLED
    assert differences(before, snapshot(bpy.context.scene)) == []


def test_a_job_that_is_taken_up_is_the_one_that_was_made_first(own_server: Any, settings: Any) -> None:
    import bpy

    from blender_addon import jobs
    from blender_addon.job import JobStage

    made: list[int] = []

    def make(_: Any) -> TextToImage:
        made.append(len(made))
        return replace(LONG, seed=len(made))  # as data that are rendered again: never the same bytes

    job = jobs.submit(make, label="made once")
    pump(lambda: job.stage is JobStage.RUNNING)
    first = job.id
    kill(own_server.process.pid)
    pump(lambda: job.has_ended, 60)
    bpy.ops.sdcore.start_server()
    pump(lambda: job.stage in {JobStage.RUNNING, JobStage.FAILED})
    assert (job.stage, job.id, made) == (JobStage.RUNNING, first, [0])
    with connect() as client:
        for _ in range(2):
            pid = engine_pid(client)
            wait_for(lambda: client.jobs()[0]["state"] == "running")
            kill(pid)
            engine_pid(client, other_than=pid)
    pump(lambda: job.has_ended)
    assert isinstance(job.error, EngineDied)
    bpy.ops.sdcore.start_server()
    pump(lambda: job.stage in {JobStage.RUNNING, JobStage.FAILED})
    assert job.stage is JobStage.RUNNING and job.id != first, "on the server the first one has ended for good"
    job.cancel()
    pump(lambda: job.has_ended)


def test_a_server_whose_engine_is_still_starting_keeps_its_client(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_addon.connection import Connection, ServerState
    from blender_addon.preferences import read_preferences
    from sd_core.client import Client

    def starting(_: Client) -> None:
        raise ServerError("no engine runs: it is still starting", status=503, hint="see the logs folder")

    connection = Connection()
    client = connection.client(read_preferences())
    with monkeypatch.context() as patch:
        patch.setattr(Client, "models", starting)
        assert connection.find(read_preferences()).state is ServerState.READY
    assert not client.transport.is_closed and connection.client(read_preferences()) is client
    wait_for(lambda: "builtin" in [model.name for model in connection.find(read_preferences()).models], SECONDS)
    connection.stop()


def test_blender_quits_also_while_a_server_is_just_starting() -> None:
    from blender_addon.connection import Connection, ServerState

    connection = Connection()
    with connection._lock:  # as a thread holds it that starts a server
        quitting = threading.Thread(target=connection.stop, args=(0.1,), daemon=True)
        quitting.start()
        quitting.join(60)
        assert not quitting.is_alive() and connection.status.state is ServerState.UNKNOWN
    connection.stop()
    assert not connection._lock.locked()


def test_without_a_python_the_panel_says_what_to_install(
    bare_addon: ModuleType, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    from blender_addon import jobs, problems

    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    bpy.ops.sdcore.generate_image()
    with pytest.raises(ServerError, match=r"no Python with sd_core.*pip install") as caught:
        jobs.wait(jobs.running_jobs()[0], SECONDS)
    assert problems.fix_of(caught.value) == problems.Fix("sdcore.open_preferences", "Open Preferences")


def test_a_remote_server_is_not_spoken_to_where_the_network_is_not_allowed() -> None:
    from blender_addon.connection import Connection
    from blender_addon.preferences import Preferences

    with pytest.raises(ServerError, match=r"online access is off.*allow online access"):
        Connection().client(Preferences(url="http://192.0.2.1:8765", online=False))


def test_the_server_gives_its_memory_back_before_cycles_renders(
    addon: ModuleType, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    from blender_addon import connection, jobs, render_memory
    from blender_addon.preferences import read_preferences

    bpy.ops.sdcore.generate_image()
    jobs.wait(jobs.running_jobs()[0], SECONDS)
    wanted = read_preferences()
    freed: list[str] = []
    client = connection.server.client(wanted)
    monkeypatch.setattr(type(client), "free_memory", lambda self: freed.append(self.url))
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    bpy.ops.render.render()
    assert freed == []
    monkeypatch.setattr(render_memory, "read_preferences", lambda: replace(wanted, free_memory_before_render=True))
    bpy.ops.render.render()
    assert freed == [client.url]
