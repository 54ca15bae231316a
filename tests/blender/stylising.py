"""Stylise Animation, started and followed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.values import read_picture
from tests.blender import scenes

SECONDS = 400
ROOT = Path(__file__).resolve().parents[2]


def turning(output: Path) -> Any:
    """A turning cube of three frames, to be stylised in three steps."""
    made = scenes.turning_cube(60, 44)
    scenes.few_steps(made)
    made.frame_end = 3
    made.sd_core.stylise.overscan = 8
    made.sd_core.stylise.output = str(output)
    return made


def start(**arguments: Any) -> Any:
    """Call the operator; gives its job."""
    import bpy

    from blender_addon import jobs

    assert bpy.ops.sdcore.stylise_animation(**arguments) == {"FINISHED"}
    return jobs.running_jobs()[-1]


def follow(job: Any, until: Callable[[Any], bool] = lambda job: False) -> None:
    """Handle events until the job has ended or `until` holds."""
    from blender_addon import jobs

    give_up = time.monotonic() + SECONDS
    while not job.has_ended and not until(job):
        assert time.monotonic() < give_up, job
        if not jobs.handle_events(0.0):  # one event at a time: `until` is to see each
            time.sleep(0.01)
    if job.has_ended:
        # The undo step of one job, pushed while the thread of another runs Python, crashes the module bpy now and then.
        while jobs.handle_events(0.0):
            pass


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {path.name: read_picture(path) for path in sorted((folder / "out" / "Scene" / "frames").glob("*.png"))}


FARM = """
import bpy, sys
bpy.ops.wm.open_mainfile(filepath={blend!r})
from blender_addon import farm
farm.main({arguments!r})
"""


def farm(blend: Path, *arguments: str) -> subprocess.Popen[str]:
    source = FARM.format(blend=str(blend), arguments=list(arguments))
    return subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
