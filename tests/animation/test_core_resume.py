"""Whenever a run is stopped, resumed it gives the frames of one that was never stopped; and it needs no more memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sd_core.animation.layout import open_folder
from sd_core.animation.media import frame_store
from sd_core.animation.policy import ReusePolicy
from sd_core.animation.reuse import reappearance
from sd_core.encoding import encode_png
from sd_core.engine import Engine
from sd_core.errors import Cancelled, RequestError
from sd_core.events import FrameEvent, StepEvent
from sd_core.requests import Animation, Keyframe, Lora, replace
from sd_core.values import Array
from tests.animation import worlds
from tests.conftest import Built
from tests.tiny import TinyKind

RUN = """
import sys, torch
torch.set_num_threads(int(sys.argv[4]))
from sd_core.encoding import encode_png
from sd_core.engine import Engine
from sd_core.errors import SDError
from tests.animation.test_core_resume import shot
with Engine(model=sys.argv[1], device="cpu", dtype="float32") as engine:
    engine.run(shot(int(sys.argv[3])), output=sys.argv[2], resume=True)
"""


def shot(count: int, **fields: Any) -> Animation:
    frames = worlds.occluder(count)
    return Animation(**{"prompt": "brick", "seed": 4, "passes": frames, "num_inference_steps": 4} | fields)


@pytest.fixture(scope="module")
def model(tiny: Built) -> str:
    return str(tiny(TinyKind.SD2_DEPTH))


@pytest.fixture(scope="module")
def engine(model: str) -> Iterator[Engine]:
    with Engine(model=model, device="cpu", dtype="float32") as shared:
        yield shared


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "frames").glob("*.png"))}


def listing(folder: Path) -> dict[str, bytes]:
    """Every file that is there to stay, with its content."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".sd_core")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def cancel_after(engine: Engine, request: Animation, folder: Path, frames: int) -> None:
    job = engine.submit(request, output=folder, resume=folder.exists())
    for event in job.events():
        if isinstance(event, FrameEvent) and event.index + 1 >= frames:
            job.cancel()
    with pytest.raises(Cancelled):
        job.result()


def test_a_run_that_was_cancelled_goes_on_to_the_same_frames(engine: Engine, tmp_path: Path) -> None:
    request = shot(6)
    engine.run(request, output=tmp_path / "whole")
    for frames in (1, 4):
        cancel_after(engine, request, tmp_path / "stopped", frames)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped" / "frames").glob("*.png")}
    assert 4 <= len(times) < 6
    result = engine.run(request, output=tmp_path / "stopped", resume=True)
    assert pictures(tmp_path / "stopped") == pictures(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == then for path, then in times.items())
    assert [held["index"] for held in result.report["frames"]] == list(range(6))


@pytest.mark.parametrize("checkpoint", [2, 100])
def test_what_is_damaged_is_made_again_and_what_is_sound_is_not(
    engine: Engine, tmp_path: Path, checkpoint: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_store, "CHECKPOINT", checkpoint)
    request, out = shot(6), tmp_path / "out"
    engine.run(request, output=out)
    whole = pictures(out)
    (out / "frames" / "000004.png").write_bytes(whole["000004.png"][:99])
    events = list(engine.stream(request, output=out, resume=True))
    aside = out / "frames" / "000004.changed.png"
    assert aside.read_bytes() == whole["000004.png"][:99]
    aside.unlink()
    assert pictures(out) == whole
    made = {event.image for event in events if isinstance(event, StepEvent)}
    assert made == ({4} if checkpoint == 2 else {0, 1, 2, 3, 4})
    assert [event.index for event in events if isinstance(event, FrameEvent)] == list(range(6))
    newest = next((out / "state").glob("after_000005.npz"))
    newest.write_bytes(newest.read_bytes()[:-1])
    image = next((out / "state").glob("image_*.npy"))
    image.write_bytes(b"")
    result = engine.run(request, output=out, resume=True)
    assert pictures(out) == whole
    assert [held["index"] for held in result.report["frames"]] == list(range(6))
    assert json.loads((out / "report.json").read_text())["frames"] == result.report["frames"]


def test_a_picture_that_was_retouched_is_kept_and_reported_in_the_result(engine: Engine, tmp_path: Path) -> None:
    engine.run(shot(2), output=tmp_path)
    mine = encode_png(np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "frames" / "000000.png").write_bytes(mine)
    result = engine.run(shot(2), output=tmp_path, resume=True)
    assert (tmp_path / "frames" / "000000.png").read_bytes() == mine
    assert any("000000.png has been changed" in warning for warning in result.warnings)


def test_a_finished_run_that_is_resumed_tells_its_frames_again(engine: Engine, tmp_path: Path) -> None:
    request = shot(3)
    first = [event for event in engine.stream(request, output=tmp_path / "out") if isinstance(event, FrameEvent)]
    again = list(engine.stream(request, output=tmp_path / "out", resume=True))
    frames = [event for event in again if isinstance(event, FrameEvent)]
    assert [event.index for event in frames] == [0, 1, 2]
    assert [dict(event.figures) for event in frames] == [dict(event.figures) for event in first]


def test_another_requests_frames_are_not_taken(engine: Engine, tmp_path: Path) -> None:
    engine.run(shot(1), output=tmp_path / "out")
    with pytest.raises(RequestError, match="belongs to another request"):
        engine.run(shot(1, prompt="marble"), output=tmp_path / "out", resume=True)
    with pytest.raises(RequestError, match="needs an output folder"):
        engine.run(shot(1), resume=True)


def without_owed(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    numbers_left = {name: value for name, value in json.loads(bytes(numbers).decode()).items() if name != "owed"}
    return np.frombuffer(json.dumps(numbers_left).encode(), np.uint8)


@pytest.mark.parametrize("lacking", ["birth_beside", "birth_gap", "owed"])
def test_a_state_of_another_version_is_refused_and_its_frames_stay(
    engine: Engine, tmp_path: Path, lacking: str
) -> None:
    request = shot(6)
    cancel_after(engine, request, tmp_path, 2)
    before = pictures(tmp_path)
    with open_folder(tmp_path) as opened:
        for name in [name for name in opened.listed_names() if "after_" in name]:
            with np.load(tmp_path / name) as held:
                state = {name: array for name, array in held.items() if name != lacking}
            if lacking == "owed":
                state["numbers"] = without_owed(state["numbers"])
            np.savez(tmp_path / "state.npz", **state)
            opened.write({name: (tmp_path / "state.npz").read_bytes()})
    with pytest.raises(RequestError, match=f"no {lacking}: another version") as caught:
        engine.run(request, output=tmp_path, resume=True)
    assert "without resume" in str(caught.value.hint)
    assert pictures(tmp_path) == before


def test_finished_frames_are_never_thrown_away_unasked(engine: Engine, tmp_path: Path) -> None:
    engine.run(shot(3), output=tmp_path / "out")
    before = listing(tmp_path)
    with pytest.raises(RequestError, match=r"holds 3 finished frames of this request.*resume=True.*overwrite=True"):
        engine.run(shot(3), output=tmp_path / "out")
    with pytest.raises(RequestError, match=r"holds 3 finished frames of another request; overwrite=True"):
        engine.run(shot(2), output=tmp_path / "out")
    with pytest.raises(RequestError, match="starts again, resume continues"):
        engine.run(shot(3), output=tmp_path / "out", resume=True, overwrite=True)
    assert listing(tmp_path) == before


def test_a_run_that_may_overwrite_starts_in_a_clean_folder(engine: Engine, tmp_path: Path) -> None:
    engine.run(shot(3), output=tmp_path / "out")
    engine.run(shot(2), output=tmp_path / "out", overwrite=True)
    assert sorted(pictures(tmp_path / "out")) == ["000000.png", "000001.png"]
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["frames"]) == 2


def test_images_that_no_surface_points_to_are_removed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reappearance, "POLICY", ReusePolicy(kept_frames=2))
    frames = worlds.pan(8, pixels=12)
    engine.run(shot(8, passes=frames), output=tmp_path / "out")
    assert len(list((tmp_path / "out" / "state").glob("image_*.npy"))) < 8
    assert len(list((tmp_path / "out" / "state").glob("after_*.npz"))) == 1


def last_births(folder: Path) -> Array:
    """(h, w) the frame in which each pixel of the last frame was made."""
    (state,) = (folder / "state").glob("after_*.npz")
    with np.load(state) as held:
        return held["birth_frame"]


def test_a_way_there_and_back_ends_in_what_it_began_with_unless_the_prompt_changed(
    engine: Engine, tmp_path: Path
) -> None:
    path = [(0.0, 0.0, -0.6 * min(index, 6 - index)) for index in range(6)] + [(0.8, 0.0, 0.0)]
    frames = [worlds.frame(index, path) for index in range(7)]
    engine.run(shot(7, passes=frames), output=tmp_path / "same")
    assert (last_births(tmp_path / "same") == 0).mean() > 0.6
    keyframes = (Keyframe(frame=0, prompt="brick"), Keyframe(frame=3, prompt="moss"))
    engine.run(shot(7, passes=frames, keyframes=keyframes), output=tmp_path / "changed")
    assert not (last_births(tmp_path / "changed") == 0).any()


def start(model: str, folder: Path, frames: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    # sums over another number of threads round otherwise
    command = [sys.executable, "-c", RUN, model, str(folder), str(frames), str(torch.get_num_threads())]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def killed_often(model: str, folder: Path, frames: int, kills: int) -> None:
    """Kill the run `kills` times, each after at least one frame more, at a random moment of the next; then let it end."""
    chance = np.random.default_rng(7)
    for _ in range(kills):
        done = len(pictures(folder))
        run = start(model, folder, frames)
        while len(pictures(folder)) <= done and run.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.3)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert start(model, folder, frames).wait() == 0


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_frames(engine: Engine, model: str, tmp_path: Path) -> None:
    engine.run(shot(8), output=tmp_path / "whole")
    killed_often(model, tmp_path / "killed", 8, 1)
    assert pictures(tmp_path / "killed") == pictures(tmp_path / "whole")


@pytest.mark.slow
def test_ten_kills_leave_no_trace(engine: Engine, model: str, tmp_path: Path) -> None:
    engine.run(shot(24), output=tmp_path / "whole")
    killed_often(model, tmp_path / "killed", 24, 10)
    assert pictures(tmp_path / "killed") == pictures(tmp_path / "whole")


def test_a_job_keeps_one_preview_however_many_frames_it_has(engine: Engine, tmp_path: Path) -> None:
    job = engine.submit(shot(4), output=tmp_path)
    job.result()
    steps = [event for event in job.events() if isinstance(event, StepEvent)]
    assert {step.image for step in steps} == {0, 1, 2, 3}
    assert [step.preview is None for step in steps] == [True] * (len(steps) - 1) + [False]


@pytest.mark.slow
def test_five_hundred_frames_need_the_memory_of_fifty(model: str, tmp_path: Path) -> None:
    script = RUN.replace(
        "    engine.run(shot(int(sys.argv[3])), output=sys.argv[2], resume=True)",
        """    import psutil
    from sd_core.events import FrameEvent
    for event in engine.stream(shot(int(sys.argv[3]), num_inference_steps=2), output=sys.argv[2]):
        if isinstance(event, FrameEvent) and event.index in (99, 499):
            print(psutil.Process().memory_info().rss, flush=True)""",
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", script, model, str(tmp_path / "out"), "500", "1"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    early, late = (int(line) for line in done.stdout.split())
    assert late <= 1.01 * early


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "somebody/elses"}, "was begun with the model"),
        ({"loras": (Lora("/somebody/elses.safetensors"),)}, "notes that do not belong"),
        ({"controlnet": "somebody/elses"}, "notes that do not belong"),
        ({"depth_estimator": "somebody/elses"}, "notes that do not belong"),
        ({"prompt": "somebody else's"}, "notes that do not belong"),
    ],
    ids=lambda held: next(iter(held)) if isinstance(held, dict) else "",
)
def test_a_folder_that_somebody_else_made_chooses_nothing(
    engine: Engine, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    request = shot(2)
    resolved = engine.run(request, output=tmp_path / "out").request
    with open_folder(tmp_path / "out") as files:
        files.write({}, {"asked": request.to_json(), "resolved": replace(resolved, **change).to_json()})
    before = pictures(tmp_path / "out")
    with pytest.raises(RequestError, match=message):
        engine.run(request, output=tmp_path / "out", resume=True)
    assert pictures(tmp_path / "out") == before
