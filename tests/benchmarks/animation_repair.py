"""A defect in the frame before: after how many frames has it halved?"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from animation_arms import ARMS, Task, animation, defect_region, make, plant
from animation_measures import Frames, unit

from sd_core import Engine
from sd_core.encoding import encode_png
from sd_core.events import FrameEvent
from sd_core.values import Array, read_picture

DEFECT = 3
"""The frame that is marred once it is finished."""


def half_life(engine: Engine, task: Task, arm: str) -> float:
    """Frames until the difference to a run without the defect has half the energy that was planted; inf: never."""
    clean = make(ARMS[arm], engine, task).frames
    marred = ours_with_defect(engine, task) if arm == "ours" else with_defect(engine, task, arm)
    region = defect_region(clean[0].shape)
    planted = energy(plant(clean[DEFECT]), clean[DEFECT], region)
    after = [energy(marred[index], clean[index], region) / planted for index in range(DEFECT + 1, task.rendered.count)]
    return next((float(index + 1) for index, share in enumerate(after) if share <= 0.5), math.inf)


def with_defect(engine: Engine, task: Task, arm: str) -> Frames:
    return make(ARMS[arm], engine, replace(task, defect=DEFECT)).frames


def energy(one: Array, other: Array, region: tuple[slice, slice]) -> float:
    """Mean square difference in and around the region: what moved with the surface counts too."""
    height, width = one.shape[:2]
    rows, columns = region
    around = (slice(max(rows.start - 16, 0), min(rows.stop + 16, height)),)
    around += (slice(max(columns.start - 16, 0), min(columns.stop + 16, width)),)
    return float(((unit(one) - unit(other))[around] ** 2).mean())


def ours_with_defect(engine: Engine, task: Task) -> Frames:
    """Stop after the frame, mar it on disk, and go on."""
    with tempfile.TemporaryDirectory() as name:
        folder, request = Path(name), animation(task)
        for event in engine.stream(request, folder):
            if isinstance(event, FrameEvent) and event.index == DEFECT:
                break
        mar(folder)
        engine.run(request, folder, resume=True)
        paths = sorted((folder / "frames").glob("*.png"))
        return {index: read_picture(path) for index, path in enumerate(paths)}


def mar(folder: Path) -> None:
    """Plant the defect in the newest finished frame, and in its image as the frames after it see that."""
    newest = max((folder / "frames").glob("*.png"))
    newest.write_bytes(encode_png(plant(read_picture(newest))))
    kept = folder / "state" / f"image_{newest.stem}.npy"
    np.save(kept, plant(np.load(kept)))
