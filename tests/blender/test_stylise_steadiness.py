"""A real render of 24 frames, stylised: how much steadier it is than frames that are made one by one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.animation.geometry.sampling import bilinear
from sd_core.animation.repair.metrics import sharpness, warp_error
from sd_core.passes import FramePasses, motion_offsets
from sd_core.values import read_picture
from tests.blender.scenes import needs_bpy

pytestmark = [
    pytest.mark.blender,
    pytest.mark.slow,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FRAMES, LAG = 24, 8
WIDTH, HEIGHT, OVERSCAN = 128, 96, 16
TARGET = 0.2
"""Of the warp error of frames made one by one."""


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> Any:
    """Suzanne turns on a pedestal while the camera moves around her."""
    path = Path(__file__).resolve().parents[2] / "examples" / "blender_demo.py"
    spec = importlib.util.spec_from_file_location("blender_demo", path)
    assert spec is not None and spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    sys.modules["blender_demo"] = demo
    spec.loader.exec_module(demo)
    made = demo.build(FRAMES, WIDTH, HEIGHT)
    held = made.sd_core
    held.prompt = "blue cobblestone"
    held.use_seed = held.use_num_inference_steps = True
    held.seed, held.num_inference_steps = 7, 12
    held.stylise.output, held.stylise.overscan, held.stylise.make_video = str(tmp_path), OVERSCAN, False
    return made


def animate(folder: Path, *, again: bool) -> list[np.ndarray]:
    """The frames: (h, w, 3) float32 in [0, 1]."""
    import bpy

    from blender_addon import jobs

    assert bpy.ops.sdcore.stylise_animation(again=again) == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], 3600)
    pictures = sorted((folder / "Scene" / "frames").glob("*.png"))
    return [read_picture(path)[..., :3].astype(np.float32) / 255 for path in pictures]


def held(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return np.asarray(array)


def lagged(passes: list[FramePasses], now: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of frame `now` to where its points were `LAG` frames ago, and which of them were visible there."""
    rows, columns = np.mgrid[0 : HEIGHT + 2 * OVERSCAN, 0 : WIDTH + 2 * OVERSCAN].astype(np.float64)
    start = np.stack([columns, rows], -1)
    at = start
    for frame in range(now, now - LAG, -1):
        at = at + bilinear(motion_offsets(held(passes[frame].motion))[0], at)
    there = passes[now - LAG]
    inside = ((at >= 1) & (at <= (columns.max() - 1, rows.max() - 1))).all(-1)
    near = np.rint(at).clip(0, (columns.max(), rows.max())).astype(int)
    same = held(there.object_id)[near[..., 1], near[..., 0]] == held(passes[now].object_id)
    apart = np.linalg.norm(bilinear(held(there.position), at) - held(passes[now].position), axis=-1)
    return at - start, inside & same & (apart < 0.08) & np.isfinite(held(passes[now].depth))


def error(passes: list[FramePasses], frames: list[np.ndarray]) -> float:
    """Mean warp error at the lag, within the picture."""
    crop = slice(OVERSCAN, -OVERSCAN)
    found = []
    for now in range(LAG, FRAMES):
        offsets, seen = (array[crop, crop] for array in lagged(passes, now))
        places = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1) + offsets
        seen = seen & ((places >= 0) & (places <= (WIDTH - 1, HEIGHT - 1))).all(-1)
        assert seen.mean() > 0.3
        value = warp_error(frames[now], frames[now - LAG], offsets, seen)
        assert value is not None
        found.append(value)
    return float(np.mean(found))


def test_24_frames_hold_still_where_frames_made_one_by_one_do_not(scene: Any, tmp_path: Path) -> None:
    from blender_addon.scene.exr import read_passes

    steady = animate(tmp_path, again=False)
    scene.sd_core.stylise.reuse, scene.sd_core.stylise.noise = False, "independent"
    alone = animate(tmp_path, again=True)
    passes = [read_passes(path) for path in sorted((tmp_path / "Scene" / "passes").glob("0*.exr"))]
    assert len(passes) == len(steady) == len(alone) == FRAMES
    moved = np.abs(lagged(passes, FRAMES - 1)[0]).max()
    assert moved > 8, "at the lag things have moved by a latent and more"
    mine, theirs = error(passes, steady), error(passes, alone)
    sharp = np.mean([sharpness(frame) for frame in steady[LAG:]]) / np.mean([sharpness(frame) for frame in alone[LAG:]])
    figures = f"warp error {mine:.5f}, one by one {theirs:.5f}: {mine / theirs:.3f}; sharpness {sharp:.2f}"
    sys.stderr.write(f"{figures}\n")
    assert mine <= TARGET * theirs, figures
    assert sharp > 0.5, f"steady because it is blurred: {figures}"
