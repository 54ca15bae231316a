"""`sd-core animate` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sd_core.animation.media.picture_sequence import VideoFile
from sd_core.commands.text_forms import read_keyframe, read_pass_name, read_reuse
from sd_core.errors import RequestError
from sd_core.requests import Keyframe, NoiseKind, PassName, Reuse
from sd_core.values import read_picture
from tests.animation import worlds
from tests.animation.exr_files import write_frames
from tests.cli.conftest import Run, environment
from tests.conftest import Built
from tests.tiny import TinyKind

SMALL = ("--num-inference-steps", 2, "--dtype", "float32", "--seed", 3)


@pytest.fixture
def model(tiny: Built) -> tuple[str, str]:
    """An SD2-depth model: depth needs no ControlNet."""
    return "--model", str(tiny(TinyKind.SD2_DEPTH))


@pytest.mark.parametrize(
    ("word", "keyframe"),
    [
        ("24:green marble", Keyframe(24, "green marble")),
        (" 0 : red: brick ", Keyframe(0, "red: brick")),
        ("24:strength=0.6", Keyframe(24, strength=0.6)),
        ("24:green marble;strength=0.6; guidance_scale=4", Keyframe(24, "green marble", 0.6, 4)),
        ("24:a; b;controlnet_conditioning_scale=.5", Keyframe(24, "a;b", controlnet_conditioning_scale=0.5)),
    ],
)
def test_a_keyframe_is_a_frame_a_prompt_and_settings(word: str, keyframe: Keyframe) -> None:
    assert read_keyframe(word) == keyframe


@pytest.mark.parametrize("word", ["green", "x:green", "24:", "-3:green", "24:strength=much", "24:strength=2"])
def test_half_a_keyframe_is_refused(word: str) -> None:
    with pytest.raises(RequestError):
        read_keyframe(word)


def test_what_is_reused_is_switched_by_name() -> None:
    assert read_reuse("off") == Reuse.off()
    assert read_reuse("noise=fixed, pin=no") == Reuse(noise=NoiseKind.FIXED, pin=False)
    for word in ("pin", "pin=maybe", "pins=no", "noise=loud"):
        with pytest.raises(RequestError):
            read_reuse(word)


def test_a_pass_is_given_another_name() -> None:
    assert read_pass_name("depth=zdepth") == PassName("depth", "zdepth")
    for word in ("depth", "depth=", "deep=z"):
        with pytest.raises(RequestError, match="KIND=NAME"):
            read_pass_name(word)


def test_frames_page_and_movies_are_written(sd_core: Run, model: tuple[str, str], tmp_path: Path) -> None:
    write_frames(tmp_path / "render", worlds.pan(3))
    files = ("-o", "out", "--mp4", "--gif", "--exr", "--fps", 12)
    output = sd_core("animate", "brick", "--passes", "render/####.exr", *SMALL, *model, *files).stdout
    out = tmp_path / "out"
    assert sorted(path.name for path in (out / "frames").iterdir()) == [f"{index:06d}.png" for index in range(3)]
    assert len(VideoFile(out / "animation.mp4")) == 3 and VideoFile(out / "animation.mp4").fps == 12
    assert all((out / name).is_file() for name in ("animation.gif", "report.html", "report.json", "exr/000002.exr"))
    for path in ("frames", "animation.mp4", "animation.gif", "exr", "report.html"):
        assert f"wrote {Path('out') / path}" in output
    assert "3 frames" in output and "seed 3" in output


def test_json_is_one_line_for_each_frame_and_one_about_all(
    sd_core: Run, model: tuple[str, str], tmp_path: Path
) -> None:
    write_frames(tmp_path / "render", worlds.pan(2))
    done = sd_core("animate", "brick", "--passes", "render/####.exr", *SMALL, *model, "--no-page", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("frame") for line in lines] == [0, 1, None]
    assert lines[-1]["frames"] == 2 and (tmp_path / lines[-1]["output"] / "frames").is_dir()
    assert done.stderr == "" and lines[-1]["written"] == []


def test_a_run_that_is_resumed_makes_only_what_is_missing(sd_core: Run, model: tuple[str, str], tmp_path: Path) -> None:
    write_frames(tmp_path / "render", worlds.pan(3))
    command = ("animate", "brick", "--passes", "render/####.exr", *SMALL, *model, "--no-page", "--json", "-o", "out")
    sd_core(*command)
    frames = sorted((tmp_path / "out" / "frames").iterdir())
    before = [path.stat().st_mtime_ns for path in frames]
    lines = sd_core(*command, "--resume").stdout.splitlines()
    assert json.loads(lines[-1])["decisions"]["frames"] == "3 kept, 0 made"
    assert "3 kept, 0 made" in sd_core(*(word for word in command if word != "--json"), "--resume").stdout
    assert [path.stat().st_mtime_ns for path in frames] == before


def test_finished_frames_and_what_is_not_ours_are_kept_and_named(
    sd_core: Run, model: tuple[str, str], tmp_path: Path
) -> None:
    write_frames(tmp_path / "render", worlds.pan(2))
    command = ("animate", "brick", "--passes", "render/####.exr", *SMALL, *model, "-o", "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "animation.gif").write_bytes(b"mine")
    output = sd_core(*command, "--gif", code=1).stderr
    assert "animation.gif: lies where a file is to be written" in output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["animation.gif"]
    sd_core(*command)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    output = sd_core(*command, code=2).stderr
    assert "holds 2 finished frames of this request" in output and "--resume" in output and "--overwrite" in output
    assert "choose one of them" in sd_core(*command, "--resume", "--overwrite", code=2).stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    (tmp_path / "out" / "report.html").write_bytes(b"my notes")
    output = sd_core(*command, "--resume").stderr
    assert "note: report.html has been changed or damaged" in output
    assert (tmp_path / "out" / "report.changed.html").read_bytes() == b"my notes"
    before_all = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    onto_itself = ("animate", "brick", "--passes", "out/frames/######.png", *SMALL, *model, "-o", "out", "--overwrite")
    assert "000000.png is what this is made from" in sd_core(*onto_itself, code=2).stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before_all
    sd_core(*command, "--overwrite", "--seed", 4)
    assert (tmp_path / "out" / "animation.gif").read_bytes() == b"mine"
    assert (tmp_path / "out" / "frames" / "000001.png").read_bytes() != before[
        tmp_path / "out" / "frames" / "000001.png"
    ]


def test_plain_pictures_are_styled_by_their_own_colours(
    sd_core: Run,
    tiny: Built,
    tmp_path: Path,
) -> None:
    from tests.animation.clips import moving, write_pictures

    write_pictures(tmp_path / "in", moving(2, 64, 64))
    how = ("--model", tiny(TinyKind.SD1), "--strength", 0.5, "--no-page", "-o", "out")
    sd_core("animate", "brick", "--passes", "in/####.png", *SMALL, *how)
    assert read_picture(tmp_path / "out" / "frames" / "000001.png").shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--passes", "nowhere/####.exr"), "no file is named like"),
        (("--passes", "clip.mp4"), "there is no such file"),
        (("--passes", "render"), "render is a folder; name the frames in it, as in render/####.exr"),
        (("--passes", "render/####.exr", "--keyframe", "green"), "keyframe: must be FRAME:PROMPT"),
        (("--passes", "render/####.exr", "--resume"), "resume: needs the folder"),
        (("--passes", "render/####.exr", "--gif", "--fps", "60"), "fps: must be at most 50"),
        (("--passes", "render/####.exr", "--reuse", "pins=no"), "reuse: must be off"),
        ((), "Missing option"),
    ],
)
def test_a_bad_request_ends_with_2(
    sd_core: Run,
    model: tuple[str, str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    write_frames(tmp_path / "render", worlds.pan(1))
    assert message in sd_core("animate", "brick", *arguments, *model, code=2).stderr


def test_a_frame_of_another_size_is_named_and_those_before_are_kept(
    sd_core: Run,
    model: tuple[str, str],
    tmp_path: Path,
) -> None:
    write_frames(tmp_path / "render", worlds.pan(2))
    small = worlds.pan(3)[2]
    assert small.depth is not None
    write_frames(tmp_path / "render", [type(small)(depth=np.array(small.depth)[:32, :32])], first=3)
    asked = ("--passes", "render/####.exr", "--depth-range", 1, 20, "-o", "out", "--no-page")
    output = sd_core("animate", "brick", *asked, *SMALL, *model, code=2).stderr
    assert "frame 2" in output
    assert len(list((tmp_path / "out" / "frames").glob("*.png"))) in (0, 2)


@pytest.mark.slow
def test_ctrl_c_keeps_the_frames_and_tells_how_to_go_on(model: tuple[str, str], tmp_path: Path) -> None:
    write_frames(tmp_path / "render", worlds.pan(12))
    command = [sys.executable, "-m", "sd_core.cli", "animate", "brick", "--passes", "render/####.exr", *model]
    command += ["--num-inference-steps", "40", "--seed", "1", "-o", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "out" / "frames" / "000001.png").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 130, output
    kept = len(list((tmp_path / "out" / "frames").glob("*.png")))
    assert 2 <= kept < 12 and f"{kept} finished frames are in out" in output and "--resume" in output
