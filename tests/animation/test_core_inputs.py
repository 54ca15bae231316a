"""A run that is resumed tells what its finished frames were made from that has changed since; and says nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sd_core.engine import Engine
from sd_core.events import FrameEvent
from sd_core.requests import Animation
from tests.animation.clips import moving, write_pictures
from tests.conftest import Built
from tests.tiny import TinyKind

COUNT = 4


@pytest.fixture(scope="module")
def model(tiny: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of this file's own, which may be changed."""
    return Path(shutil.copytree(tiny(TinyKind.SD1), tmp_path_factory.mktemp("own") / "sd1"))


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Engine]:
    with Engine(model=str(model), device="cpu", dtype="float32") as shared:
        yield shared


def shot(folder: Path) -> Animation:
    passes = write_pictures(folder, moving(COUNT, 64, 64))
    return Animation(prompt="clay", passes=passes, strength=0.5, num_inference_steps=2, seed=5)


def stop_after(engine: Engine, request: Animation, folder: Path, frames: int) -> None:
    job = engine.submit(request, output=folder)
    for event in job.events():
        if isinstance(event, FrameEvent) and event.index + 1 >= frames:
            job.cancel()


def touch(path: Path) -> None:
    """As if it had been written a second later."""
    then = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(then, then))


def test_passes_exchanged_after_their_frame_was_made_are_named_and_those_before_are_not(
    engine: Engine, tmp_path: Path
) -> None:
    request, out = shot(tmp_path / "in"), tmp_path / "out"
    stop_after(engine, request, out, 2)
    finished = len(list((out / "frames").iterdir()))
    assert 2 <= finished < COUNT
    touch(tmp_path / "in" / "0001.png")
    touch(tmp_path / "in" / f"{COUNT - 1:04d}.png")
    before = (out / "frames" / "000001.png").read_bytes()
    result = engine.run(request, output=out, resume=True)
    assert (out / "frames" / "000001.png").read_bytes() == before
    (warning,) = result.warnings
    assert (
        warning.startswith("the passes of frame 1 have changed")
        and "delete their pictures (frames/000001.png" in warning
    )
    (out / "frames" / "000001.png").unlink()
    warning = engine.run(request, output=out, resume=True).warnings
    assert not any("passes" in line for line in warning)


def test_a_model_that_was_exchanged_is_named_with_the_frames_of_the_old_one(
    engine: Engine, model: Path, tmp_path: Path
) -> None:
    request, out = shot(tmp_path / "in"), tmp_path / "out"
    engine.run(request, output=out)
    assert engine.run(request, output=out, resume=True).warnings == ()
    touch(next((model / "unet").glob("*.safetensors")))
    for _ in range(2):  # as long as they are there
        (warning,) = engine.run(request, output=out, resume=True).warnings
        assert (
            warning.startswith(f"the model {model} changed since frames 0, 1, 2, 3 were made")
            and "--overwrite" in warning
        )
    engine.run(request, output=out, overwrite=True)
    assert engine.run(request, output=out, resume=True).warnings == ()


@pytest.mark.parametrize("noted", [None, [], {"frames": [], "weights": 3}, {"frames": {"0": 1}, "weights": {}}])
def test_notes_that_are_missing_or_none_stop_nobody(engine: Engine, tmp_path: Path, noted: object) -> None:
    from sd_core.animation.layout import open_folder

    request, out = shot(tmp_path / "in"), tmp_path / "out"
    engine.run(request, output=out)
    with open_folder(out) as opened:
        opened.write({}, {key: value for key, value in opened.about.items() if key != "inputs"} | {"inputs": noted})
    value = engine.run(request, output=out, resume=True).warnings
    assert bool(value) == (json.dumps(noted) == json.dumps({"frames": {"0": 1}, "weights": {}}))
