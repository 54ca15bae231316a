"""An animation is made frame by frame; with everything off it is a row of pictures from depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.engine import Engine
from sd_core.errors import RequestError
from sd_core.events import FrameEvent, ResultEvent
from sd_core.requests import Animation, DepthToImage, Keyframe, Reuse, replace
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


@pytest.mark.parametrize("seamless", ["none", "x"])
def test_with_everything_off_a_frame_is_the_picture_from_its_depth(engine: Engine, seamless: str) -> None:
    frames = worlds.pan(3)
    result = engine.run(request(passes=frames, reuse=Reuse.off(), seamless=seamless))
    for index, frame in enumerate(frames):
        alone = DepthToImage(
            prompt="brick",
            seed=2,
            depth=frame.depth,
            num_inference_steps=3,
            depth_range=result.request.depth_range,
            seamless=seamless,
        )
        assert np.array_equal(result.images[index], engine.run(alone).images[0])


def test_frames_are_reported_as_they_are_finished(engine: Engine, tmp_path: Path) -> None:
    events = list(engine.stream(request(), output=tmp_path / "out"))
    frames = [event for event in events if isinstance(event, FrameEvent)]
    assert [event.index for event in frames] == [0, 1, 2, 3]
    assert isinstance(events[-1], ResultEvent)
    result = events[-1].result
    assert all(np.array_equal(event.image, image) for event, image in zip(frames, result.images, strict=True))
    assert sorted(path.name for path in (tmp_path / "out" / "frames").iterdir()) == [f"{i:06d}.png" for i in range(4)]
    assert result.report["frames"][2]["evaluations"] > 0 and (tmp_path / "out" / "report.json").is_file()


def test_a_scene_in_which_nothing_moves_starts_late_from_what_was_seen(engine: Engine) -> None:
    result = engine.run(request(passes=worlds.still(4), num_inference_steps=10))
    figures = result.report["frames"]
    assert figures[0]["reused"] == 0.0 and all(held["reused"] == 1.0 for held in figures[1:])
    assert all(held["evaluations"] <= 0.5 * figures[0]["evaluations"] for held in figures[1:])


def test_a_frame_that_is_made_again_has_colours_of_its_own(engine: Engine) -> None:
    """What agrees with the frame before by chance must not pull all other colours along."""
    keyframes = (Keyframe(0, prompt="brick"), Keyframe(1, prompt="wall"))
    given = {"passes": worlds.still(2), "keyframes": keyframes, "num_inference_steps": 6}
    with_colour, without = (
        engine.run(request(**given, reuse=Reuse(servo=False, colour=colour))).images[1] for colour in (True, False)
    )
    assert np.array_equal(with_colour, without)


def test_a_prompt_that_changes_is_followed_at_once(engine: Engine) -> None:
    frames = worlds.still(5)
    keyframes = (Keyframe(2, prompt="brick"), Keyframe(3, prompt="wall"))
    result = engine.run(request(passes=frames, keyframes=keyframes, num_inference_steps=6))
    shares = [held["reused"] for held in result.report["frames"]]
    assert shares == [0, 1, 1, 0, 1]
    plain = engine.run(request(passes=frames, num_inference_steps=6))
    assert np.array_equal(plain.images[2], result.images[2]) and not np.array_equal(plain.images[3], result.images[3])


def test_after_a_cut_a_shot_is_what_it_is_alone(engine: Engine) -> None:
    one, other = worlds.pan(3), worlds.occluder(3)
    cut = (*one, replace(other[0], cut=True), *other[1:])
    joined = engine.run(request(passes=cut))
    assert joined.report["cuts"] == [3]
    alone = engine.run(request(passes=other, depth_range=joined.request.depth_range))
    for index in range(3):
        assert np.array_equal(joined.images[3 + index], alone.images[index])


def test_a_cut_that_nobody_announced_is_found(engine: Engine) -> None:
    frames = (*worlds.pan(3), *worlds.far_away(2))
    assert engine.run(request(passes=frames)).report["cuts"] == [3]


def test_the_alpha_of_a_render_is_kept_and_its_picture_is_a_start(engine: Engine) -> None:
    generator = np.random.default_rng(3)
    pictures = generator.integers(0, 256, (3, 64, 64, 4), dtype=np.uint8)
    frames = tuple(replace(frame, image=image) for frame, image in zip(worlds.pan(3), pictures, strict=True))
    result = engine.run(request(passes=frames, strength=0.7, num_inference_steps=6))
    assert all(np.array_equal(image[..., 3], pictures[index][..., 3]) for index, image in enumerate(result.images))


def test_overscan_is_painted_and_cut_off(engine: Engine) -> None:
    result = engine.run(request(passes=worlds.pan(3, 88), overscan=12))
    assert all(image.shape == (64, 64, 3) for image in result.images)
    assert result.request.width == 64


@pytest.mark.parametrize("name", ["start", "pin", "attention", "colour", "servo"])
def test_every_mechanism_can_be_switched_off_by_name(engine: Engine, name: str) -> None:
    given: dict[str, Any] = {"passes": worlds.pan(3, pixels=8), "num_inference_steps": 6}
    off = engine.run(request(**given, reuse=Reuse(**{name: False}))).images
    on = engine.run(request(**given)).images
    assert not np.array_equal(on[2], off[2])


@pytest.mark.parametrize("kind", ["surface", "independent"])
def test_noise_alone_makes_each_frame_by_itself(engine: Engine, kind: str) -> None:
    frames = worlds.pan(3)
    off = replace(Reuse.off(), noise=kind)
    together = engine.run(request(passes=frames, reuse=off))
    assert all(held["reused"] == 0 for held in together.report["frames"])
    if kind == "surface":
        alone = request(passes=frames[2:], reuse=off, depth_range=together.request.depth_range)
        assert np.array_equal(engine.run(alone).images[0], together.images[2])
    else:
        seeded = request(passes=frames[2:], reuse=off, depth_range=together.request.depth_range, seed=4)
        assert np.array_equal(engine.run(seeded).images[0], together.images[2])


def test_a_frame_that_lacks_a_pass_is_named(engine: Engine) -> None:
    frames = worlds.pan(3)
    for missing, message in (({"motion": None}, "frame 1: has no motion"), ({"depth": None}, "frame 1: has no depth")):
        broken = (frames[0], replace(frames[1], **missing), frames[2])
        with pytest.raises(RequestError, match=message):
            engine.run(request(passes=broken))
    with pytest.raises(RequestError, match="frame 0: has no image for a strength below 1"):
        engine.run(request(strength=0.5))
