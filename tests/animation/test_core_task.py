"""An animation is made frame by frame; with everything off it is a row of pictures from depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.engine import Engine
from sd_core.events import FrameEvent, ResultEvent
from sd_core.requests import Animation, DepthToImage, Reuse
from tests.animation import worlds
from tests.conftest import Built
from tests.tiny import TinyKind


@pytest.fixture(scope="module")
def engine(tiny: Built) -> Iterator[Engine]:
    """An SD2-depth model: depth needs no ControlNet."""
    with Engine(model=str(tiny(TinyKind.SD2_DEPTH)), device="cpu", dtype="float32") as shared:
        yield shared


def request(**fields: Any) -> Animation:
    given: dict[str, Any] = {"prompt": "brick", "seed": 2, "passes": worlds.pan(4), "num_inference_steps": 3}
    return Animation(**(given | fields))


def test_with_everything_off_a_frame_is_the_picture_from_its_depth(engine: Engine) -> None:
    frames = worlds.pan(3)
    result = engine.run(request(passes=frames, reuse=Reuse.off()))
    for index, frame in enumerate(frames):
        alone = DepthToImage(
            prompt="brick", seed=2, depth=frame.depth, num_inference_steps=3, depth_range=result.request.depth_range
        )
        assert np.array_equal(result.images[index], engine.run(alone).images[0])


def test_frames_are_told_as_they_are_finished(engine: Engine, tmp_path: Path) -> None:
    events = list(engine.stream(request(), output=tmp_path / "out"))
    told = [event for event in events if isinstance(event, FrameEvent)]
    assert [event.index for event in told] == [0, 1, 2, 3]
    assert isinstance(events[-1], ResultEvent)
    result = events[-1].result
    assert all(np.array_equal(event.image, image) for event, image in zip(told, result.images, strict=True))
    assert sorted(path.name for path in (tmp_path / "out" / "frames").iterdir()) == [f"{i:06d}.png" for i in range(4)]
    assert result.report["frames"][2]["evaluations"] > 0 and (tmp_path / "out" / "report.json").is_file()


def test_a_scene_in_which_nothing_moves_starts_late_from_what_was_seen(engine: Engine) -> None:
    result = engine.run(request(passes=worlds.still(4), num_inference_steps=10))
    figures = result.report["frames"]
    assert figures[0]["reused"] == 0.0 and all(held["reused"] == 1.0 for held in figures[1:])
    assert all(held["evaluations"] <= 0.5 * figures[0]["evaluations"] for held in figures[1:])
