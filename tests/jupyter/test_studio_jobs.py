"""Jobs of the studio with a real engine and a tiny model, without a browser."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from jupyter_ext.engines import name_suggestions
from jupyter_ext.jobs import StudioJob
from jupyter_ext.monitor import PREVIEW_INTERVAL
from jupyter_ext.studio import Studio
from jupyter_ext.views.animation import WARP_ERROR, AnimationTab
from sd_core import (
    Animation,
    Cancelled,
    Control,
    DepthToImage,
    Engine,
    FrameEvent,
    ImageToImage,
    Lora,
    ModelNotFound,
    Queued,
    RequestError,
    TextToImage,
    load_request,
    replace,
)
from sd_core.results import Result
from sd_core.values import read_picture
from tests.conftest import Built
from tests.tiny import TinyKind

LONG = 900


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(device="cpu", dtype="float32") as made:
        yield made


@pytest.fixture
def studio(engine: Engine) -> Iterator[Studio]:
    made = Studio(engine)
    yield made
    made.close()


@pytest.fixture
def small(tiny: Built) -> TextToImage:
    return TextToImage(
        prompt="wall",
        width=64,
        height=64,
        num_inference_steps=3,
        seed=5,
        scheduler="ddim",
        model=str(tiny(TinyKind.SD1)),
    )


def traits_seen(studio: Studio, name: str) -> list[Any]:
    seen: list[Any] = []
    studio.observe(lambda change: seen.append(change["new"]), name)
    return seen


def test_a_job_gives_the_result_that_the_engine_gives(studio: Studio, engine: Engine, small: TextToImage) -> None:
    result = studio.submit(small).wait()
    assert (result.images[0] == engine.run(small).images[0]).all()
    assert studio.result is result and np.array_equal(np.asarray(studio.image), result.images[0])


def test_status_and_progress_are_observed_at_home_and_end_at_done(studio: Studio, small: TextToImage) -> None:
    threads: set[int] = set()
    studio.observe(lambda _: threads.add(threading.get_ident()), ["status", "progress", "image"])
    statuses, shares = traits_seen(studio, "status"), traits_seen(studio, "progress")
    studio.submit(small).wait()
    assert statuses[0] == "queued" and statuses[-1] == "done"
    assert shares == sorted(shares) and shares[-1] == 1
    assert threads == {threading.get_ident()}


def test_cancel_stops_the_running_job_and_those_that_wait(studio: Studio, small: TextToImage) -> None:
    first = studio.submit(replace(small, num_inference_steps=LONG))
    second = studio.submit(small)
    studio._main_thread.wait_until(lambda: studio.status == "running", 60)
    studio.cancel()
    for job in (first, second):
        with pytest.raises(Cancelled):
            job.wait(60)
    assert studio.status == "cancelled" and 0 < studio.progress < 1
    assert len(studio.history) == 0
    assert studio.submit(small).wait().images[0].shape == (64, 64, 3)


def test_an_interrupt_of_wait_cancels_the_job(studio: Studio, small: TextToImage) -> None:
    job = studio.submit(replace(small, num_inference_steps=LONG))

    def interrupt(_: object) -> None:  # observers are called within `wait`
        studio.unobserve(interrupt, "progress")
        os.kill(os.getpid(), signal.SIGINT)

    studio.observe(interrupt, "progress")
    with pytest.raises(Cancelled):
        job.wait()


def test_a_job_can_be_awaited_while_the_loop_goes_on(engine: Engine, small: TextToImage) -> None:
    async def use() -> tuple[Result, int, Any]:
        studio, beats = Studio(engine), 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0)  # no time: a fast machine makes the picture within a few milliseconds

        heart = asyncio.create_task(beat())
        result = await studio.submit(small)
        heart.cancel()
        shown = studio.image
        studio.close()
        return result, beats, shown

    result, beats, image = asyncio.run(use())
    assert np.array_equal(np.asarray(image), result.images[0])
    assert beats > 3


def test_cancelling_the_task_that_awaits_cancels_the_job(engine: Engine, small: TextToImage) -> None:
    async def use() -> bool:
        studio = Studio(engine)
        job = studio.submit(replace(small, num_inference_steps=LONG))
        waiting = asyncio.ensure_future(job._await_result())
        await asyncio.sleep(0.5)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(Cancelled):
            await job
        studio.close()
        return job.cancel_requested

    assert asyncio.run(use())


def test_pictures_of_a_running_job_come_at_most_four_times_a_second(studio: Studio, small: TextToImage) -> None:
    drawn: list[float] = []
    studio._panel.preview.observe(lambda _: drawn.append(time.monotonic()), "image")
    start = time.monotonic()
    studio.submit(replace(small, num_inference_steps=60)).wait()
    # One more for the last step and one for the result.
    assert len(drawn) <= (time.monotonic() - start) / PREVIEW_INTERVAL + 3


def test_the_frames_of_the_next_animation_take_the_place_of_the_last_ones(studio: Studio) -> None:
    view = next(view for view in studio._panel.views if isinstance(view, AnimationTab))
    job = StudioJob("a", Animation(prompt="a", passes="frames/####.exr"), studio._main_thread)
    for count in (3, 2):
        studio._on_event(job, Queued(0))
        for index in range(count):
            studio._on_event(job, FrameEvent(index, np.zeros((8, 8, 3), np.uint8), {WARP_ERROR: 0.5}))
        assert (len(view._player.frames), view._player.errors) == (count, [0.5] * count)


def test_the_loras_of_the_folder_are_offered(
    studio: Studio, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path))
    (tmp_path / "loras").mkdir()
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "loras" / "moss.safetensors")
    studio.request = TextToImage(prompt="a", loras=[Lora("other.safetensors")])
    (item,) = studio._forms.current.editors["loras"]._items
    studio._forms.suggest(name_suggestions(engine))
    assert "moss.safetensors" in item._editors["path"]._name.options, "also of a row that was there before"
    studio.request = replace(studio.request, loras=[Lora("a.safetensors"), Lora("b.safetensors")])
    for item in studio._forms.current.editors["loras"]._items:
        assert "moss.safetensors" in item._editors["path"]._name.options


def test_controls_are_offered_controlnets_and_no_models(studio: Studio, engine: Engine) -> None:
    studio._forms.suggest(name_suggestions(engine))
    picture = np.zeros((64, 64, 3), np.uint8)
    studio.request = DepthToImage(prompt="a", depth=picture[..., 0] + 9, controls=[Control("canny", picture)])
    editors = studio._forms.current.editors
    (control,) = editors["controls"]._items
    offered = control._editors["model"]._name.options
    assert "lllyasviel/control_v11p_sd15_canny" in offered and len(set(offered)) == len(offered)
    assert not set(offered) & set(editors["model"]._name.options)
    depths = editors["controlnet"]._name.options
    assert "lllyasviel/control_v11f1p_sd15_depth" in depths and set(depths) < set(offered)


def test_a_failure_is_shown_with_field_message_and_hint_and_the_next_job_runs(
    studio: Studio, small: TextToImage
) -> None:
    with pytest.raises(ModelNotFound):
        studio.submit(replace(small, model="no/such-model-anywhere.safetensors")).wait()
    assert isinstance(studio.error, ModelNotFound) and studio.status == "failed"
    assert "no/such-model" in studio._panel.error.value or studio.error.message in studio._panel.error.value
    studio.submit(small).wait()
    assert studio.error is None and studio.status == "done"


def test_a_wrong_request_of_the_engine_is_shown_at_its_field(studio: Studio, small: TextToImage) -> None:
    studio.request = replace(small, scheduler="nonsense")
    with pytest.raises(RequestError):
        studio.submit().wait()
    assert "nonsense" in studio._forms.current.editors["scheduler"]._complaint.value


def test_an_observer_that_fails_does_not_stop_the_studio(studio: Studio, small: TextToImage) -> None:
    def fail(_: object) -> None:
        raise ValueError("an observer of the user's")

    studio.observe(fail, "image")
    studio.submit(small).wait()
    studio.unobserve(fail, "image")
    assert studio.submit(small).wait() is studio.result


def test_a_restored_request_gives_the_same_bytes(studio: Studio, small: TextToImage) -> None:
    first = studio.submit(replace(small, seed=None, num_images=2)).wait()
    second = list(studio.history)[1]
    studio.restore(second)
    again = studio.submit().wait()
    assert (again.images[0] == first.images[1]).all()
    assert studio.request == second.request


def test_a_sweep_makes_every_combination_with_one_seed(studio: Studio, small: TextToImage) -> None:
    studio.request = replace(small, seed=None)
    results = [job.wait() for job in studio.sweep(num_inference_steps=[1, 2], guidance_scale=[1.0, 2.0, 3.0])]
    made = [(r.request.guidance_scale, r.request.num_inference_steps) for r in results]  # type: ignore[attr-defined]
    assert made == [(g, n) for g in (1.0, 2.0, 3.0) for n in (1, 2)]
    assert len({r.request.seed for r in results}) == 1  # type: ignore[attr-defined]
    grid = studio._sweeping.view._grid
    assert grid.column_labels == ["1", "2"] and grid.row_labels == ["1", "2", "3"] and all(grid.cells)


def test_a_sweep_with_a_wrong_value_queues_nothing(studio: Studio, small: TextToImage) -> None:
    studio.request = small
    with pytest.raises(RequestError, match="width"):
        studio.sweep(width=[64, 65])
    assert studio._runner.unfinished_jobs == ()


def test_a_picture_that_fits_no_grid_of_eight_is_refused_in_the_form(studio: Studio, small: TextToImage) -> None:
    studio._panel.modes.value = "Image"
    editor = studio._forms.current.editors["image"]
    studio._forms.current.editors["prompt"].set("wall")
    editor.set(np.zeros((60, 64, 3), np.uint8))
    with pytest.raises(RequestError, match="multiples of 8"):
        studio.submit()
    assert "multiples of 8" in editor._complaint.value
    editor._fit.click()
    assert studio.request is not None and studio.request.size == (64, 64)


def test_changing_the_mode_keeps_the_prompt_and_leaves_the_size_to_the_picture(
    studio: Studio, small: TextToImage
) -> None:
    studio.request = small
    studio._panel.modes.value = "Image"
    studio._forms.current.editors["image"].set(np.zeros((32, 48, 3), np.uint8))
    request = studio._forms.read()
    assert isinstance(request, ImageToImage)
    assert (request.prompt, request.seed, request.model) == (small.prompt, small.seed, small.model)
    assert request.size == (32, 48)


def test_the_feather_of_the_canvas_is_that_of_the_request(studio: Studio) -> None:
    studio._panel.modes.value = "Inpaint"
    editors = studio._forms.current.editors
    editors["image"].canvas.feather = 12.0
    assert editors["feather"].get() == 12.0
    editors["feather"].set(3.5)
    assert editors["image"].canvas.feather == 3.5


def test_the_selected_image_is_saved_without_loss_and_with_its_request(
    studio: Studio, small: TextToImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="no image yet"):
        studio.save()
    result = studio.submit(replace(small, num_images=2)).wait()
    studio.restore(list(studio.history)[1])
    first, second = studio.save()[0], studio.save()[0]
    assert (first.name, second.name) == ("wall.png", "wall-2.png")
    assert np.array_equal(read_picture(first), result.images[1])
    assert load_request(first, trust=True) == studio.request
