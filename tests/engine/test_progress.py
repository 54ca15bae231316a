"""Events, previews, time left, and cancelling."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sd_core import Cancelled, Engine, ImageToImage, SDError, TextToImage, Upscale, replace
from sd_core.events import EventKind, StepEvent
from sd_core.jobs import Job
from tests.conftest import Built
from tests.engine.pictures import bytes_picture
from tests.tiny import TinyKind

SIDE = 64
LONG = 999
"""Steps of a run that nobody waits for: as many as this scheduler has noise levels for."""


def text_to_image(tiny: Built, **changes: Any) -> TextToImage:
    fields = {"prompt": "wall", "num_inference_steps": 6, "width": SIDE, "height": SIDE, "seed": 1} | changes
    return TextToImage(model=str(tiny(TinyKind.SD1)), scheduler="ddim", **fields)


def steps_of(events: list[Any]) -> list[StepEvent]:
    return [event for event in events if isinstance(event, StepEvent)]


def test_events_come_in_order(tiny: Built) -> None:
    with Engine(device="cpu", dtype="float32") as fresh:
        kinds = [event.kind for event in fresh.stream(text_to_image(tiny))]
        again = [event.kind for event in fresh.stream(text_to_image(tiny))]
    steps = [EventKind.STEP] * 6
    assert kinds == [EventKind.QUEUED, EventKind.LOADING, *steps, EventKind.RESULT]
    assert again == [EventKind.QUEUED, *steps, EventKind.RESULT]


@pytest.mark.parametrize("num_images", [1, 3])
def test_steps_are_counted_over_the_whole_request(engine: Engine, tiny: Built, num_images: int) -> None:
    steps = steps_of(list(engine.stream(text_to_image(tiny, num_images=num_images))))
    assert [step.index for step in steps] == list(range(6 * num_images))
    assert {step.count for step in steps} == {6 * num_images}
    assert [step.image for step in steps] == [image for image in range(num_images) for _ in range(6)]


def test_only_the_steps_that_run_are_counted(engine: Engine, tiny: Built) -> None:
    fields = {"prompt": "wall", "num_inference_steps": 8, "model": str(tiny(TinyKind.SD1)), "scheduler": "ddim"}
    for request, count in (
        (ImageToImage(image=bytes_picture(SIDE, SIDE), strength=0.5, **fields), 4),
        (Upscale(image=bytes_picture(SIDE, SIDE), strength=0.25, **fields), 2),
    ):
        steps = steps_of(list(engine.stream(request)))
        assert [(step.index, step.count) for step in steps] == [(index, count) for index in range(count)]


def test_time_left_is_known_soon_and_ends_at_nothing(engine: Engine, tiny: Built) -> None:
    steps = steps_of(list(engine.stream(text_to_image(tiny))))
    known = [step.seconds_left for step in steps if step.seconds_left is not None]
    assert len(known) >= len(steps) - 2
    assert known[-1] == 0
    assert all(left >= 0 for left in known)


def test_every_step_has_a_preview_of_the_clean_picture(engine: Engine, tiny: Built) -> None:
    previews = [
        event.preview
        for event in engine.stream(text_to_image(tiny, width=96, num_inference_steps=3))
        if isinstance(event, StepEvent) and event.preview is not None
    ]
    assert previews
    for preview in previews:
        height, width, channels = preview.shape
        assert preview.dtype == np.uint8 and channels == 3
        assert width * SIDE == height * 96


def test_reading_late_gives_every_event_but_old_previews(engine: Engine, tiny: Built) -> None:
    job = engine.submit(text_to_image(tiny))
    job.result()
    for _ in range(2):
        steps = steps_of(list(job.events()))
        assert [step.index for step in steps] == list(range(6))
        assert [step.preview is None for step in steps] == [True] * 5 + [False]


def test_cancel_stops_within_one_step_and_the_next_run_is_unchanged(engine: Engine, tiny: Built) -> None:
    plain = text_to_image(tiny)
    before = engine.run(plain)
    job = engine.submit(text_to_image(tiny, num_inference_steps=LONG))
    for event in job.events():
        if event.kind is EventKind.STEP:
            job.cancel()
            break
    event_count = len(job._events)
    with pytest.raises(Cancelled):
        job.result(timeout=60)
    assert job.done
    # The step that was under way may still be told of, and then the end.
    assert len(job._events) - event_count <= 2
    assert [event.kind for event in job.events()][-1] is EventKind.CANCELLED
    after = engine.run(plain)
    assert np.array_equal(after.images[0], before.images[0])
    assert np.array_equal(after.latents, before.latents)


def test_a_waiting_job_is_cancelled_at_once(engine: Engine, tiny: Built) -> None:
    running = engine.submit(text_to_image(tiny, num_inference_steps=LONG))
    waiting = engine.submit(text_to_image(tiny))
    waiting.cancel()
    assert waiting.done and not running.done
    running.cancel()
    for job in (running, waiting):
        with pytest.raises(Cancelled):
            job.result(timeout=60)


def test_cancelling_twice_or_too_late_does_nothing(engine: Engine, tiny: Built) -> None:
    job = engine.submit(text_to_image(tiny))
    result = job.result()
    job.cancel()
    job.cancel()
    assert job.result() is result


def test_leaving_the_stream_cancels(engine: Engine, tiny: Built) -> None:
    plain = text_to_image(tiny)
    before = engine.run(plain)
    for event in engine.stream(text_to_image(tiny, num_inference_steps=LONG)):
        if event.kind is EventKind.STEP:
            break
    assert np.array_equal(engine.run(plain).images[0], before.images[0])


def waits_for_a_result(thread: int) -> bool:
    callers = [sys._current_frames()[thread]]
    while (caller := callers[-1].f_back) is not None:
        callers.append(caller)
    return Job.result.__code__ in [each.f_code for each in callers]


def test_control_c_cancels(engine: Engine, tiny: Built) -> None:
    def interrupt() -> None:
        while not waits_for_a_result(main):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    main = threading.get_ident()

    watch = threading.Thread(target=interrupt)
    watch.start()
    with pytest.raises(Cancelled):
        engine.run(text_to_image(tiny, num_inference_steps=LONG, num_images=100))
    watch.join()


def test_jobs_run_in_the_order_of_their_submission(engine: Engine, tiny: Built) -> None:
    jobs = [engine.submit(text_to_image(tiny, seed=seed)) for seed in range(4)]
    together = [job.result().images[0] for job in jobs]
    for seed, image in enumerate(together):
        assert np.array_equal(engine.run(text_to_image(tiny, seed=seed)).images[0], image)
    assert all(not np.array_equal(a, b) for a, b in pairwise(together))


def test_freeing_the_memory_changes_no_picture(engine: Engine, tiny: Built) -> None:
    plain = text_to_image(tiny)
    before = engine.run(plain)
    engine.free_memory()
    assert np.array_equal(engine.run(plain).images[0], before.images[0])


def test_closing_cancels_what_runs_and_what_waits(tiny: Built) -> None:
    engine = Engine(device="cpu", dtype="float32")
    jobs = [engine.submit(text_to_image(tiny, num_inference_steps=LONG)) for _ in range(3)]
    engine.close()
    assert all(job.done for job in jobs)
    with pytest.raises(SDError, match="closed"):
        engine.submit(text_to_image(tiny))
    engine.close()


def test_timings_and_decisions_are_reported(engine: Engine, tiny: Built) -> None:
    result = engine.run(text_to_image(tiny))
    assert set(result.timings) >= {"denoise", "decode", "total"}
    assert all(seconds >= 0 for seconds in result.timings.values())
    assert result.decisions["dtype"] == "float32" and result.decisions["device"] == "cpu"
    assert replace(result.request) == result.request
