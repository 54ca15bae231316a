"""The arms of the animation benchmark: each makes the frames of a shot in its own way, on the same model and steps."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from animation_measures import held
from animation_scenes import Rendered

from sd_core import Engine
from sd_core.events import FrameEvent, ResultEvent
from sd_core.passes import finite_range, motion_offsets
from sd_core.requests import Animation, DepthToImage, Keyframe
from sd_core.values import Array

DENOISE = 0.45
"""Strength of the image-to-image arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every arm is asked for. switch: (frame, prompt) from which on another prompt holds."""

    rendered: Rendered
    prompt: str
    steps: int
    seed: int
    depth_range: tuple[float, float]
    switch: tuple[int, str] | None = None
    defect: int | None = None

    def prompt_at(self, frame: int) -> str:
        return self.prompt if self.switch is None or frame < self.switch[0] else self.switch[1]


@dataclass(slots=True)
class Made:
    """frames by number; evaluations: rows that went through the UNet, per frame; seconds per frame."""

    frames: dict[int, Array] = field(default_factory=dict)
    evaluations: float = 0.0
    seconds: float = 0.0
    figures: dict[int, Mapping[str, float]] = field(default_factory=dict)


Arm = Callable[[Engine, Task, Collection[int]], Iterator[tuple[int, Array]]]
"""Yields number and picture of the frames that are wanted, or of all."""


def make(arm: Arm, engine: Engine, task: Task, wanted: Collection[int] | None = None) -> Made:
    """Run an arm, counting what it costs. wanted: frames that are needed; arms without a memory make only those."""
    made, start = Made(), perf_counter()
    with counted(engine) as count:
        for index, picture in arm(engine, task, range(task.rendered.count) if wanted is None else wanted):
            made.frames[index] = picture
    made.seconds = (perf_counter() - start) / max(len(made.frames), 1)
    made.evaluations = count[0] / max(len(made.frames), 1)
    return made


def independent(engine: Engine, task: Task, wanted: Collection[int]) -> Iterator[tuple[int, Array]]:
    """Every frame from noise of its own."""
    for index in sorted(wanted):
        yield index, single(engine, task, index, seed=task.seed + 7919 * (index + 1))


def fixed_seed(engine: Engine, task: Task, wanted: Collection[int]) -> Iterator[tuple[int, Array]]:
    """Every frame from the same noise."""
    for index in sorted(wanted):
        yield index, single(engine, task, index, seed=task.seed)


def warp_then_img2img(engine: Engine, task: Task, wanted: Collection[int]) -> Iterator[tuple[int, Array]]:
    """The way of Deforum: the frame before, warped by the true vectors, borders stretched, then image to image."""
    before: Array | None = None
    for index in range(task.rendered.count):
        before = defective(before, task, index)
        if before is None or task.rendered.cropped(index).cut:
            before = single(engine, task, index, seed=task.seed)
        else:
            start, _ = warped(before, task, index, cv2.BORDER_REPLICATE)
            depth = held(task.rendered.cropped(index).depth)
            before = depth_to_image(engine, task, index, depth, seed=task.seed + index, image=start, strength=DENOISE)
        yield index, before


def warp_copy(engine: Engine, task: Task, wanted: Collection[int]) -> Iterator[tuple[int, Array]]:
    """The cheat: the frame before, warped, its holes filled from around (Telea 2004); nothing is ever made anew."""
    before: Array | None = None
    for index in range(task.rendered.count):
        before = defective(before, task, index)
        if before is None or task.rendered.cropped(index).cut:
            before = single(engine, task, index, seed=task.seed)
        else:
            copy, holes = warped(before, task, index, cv2.BORDER_REPLICATE)
            before = cv2.inpaint(copy, holes.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        yield index, before


def ours(engine: Engine, task: Task, wanted: Collection[int], **reuse: Any) -> Iterator[tuple[int, Array]]:
    """`Animation`."""
    with tempfile.TemporaryDirectory() as folder:
        for event in engine.stream(animation(task, **reuse), Path(folder)):
            if isinstance(event, FrameEvent):
                yield event.index, np.array(event.image)
            elif isinstance(event, ResultEvent):
                return
            elif event.kind in ("failed", "cancelled"):
                raise getattr(event, "error", RuntimeError("cancelled"))


ALONE, OURS = "independent noise", "ours"

ARMS: Mapping[str, Arm] = {
    ALONE: independent,
    "fixed seed": fixed_seed,
    "warp, then img2img": warp_then_img2img,
    "pure warp copy": warp_copy,
    OURS: ours,
}

MEMORYLESS = frozenset({ALONE, "fixed seed"})
"""Arms that make any frame alone."""

REPEATED = frozenset({ALONE, OURS})
"""Arms that are run with every seed."""


def animation(task: Task, **fields: Any) -> Animation:
    """The request of our arm; `fields` replace its own."""
    keyframes = () if task.switch is None else switched(task.prompt, *task.switch)
    given = {
        "prompt": task.prompt,
        "passes": tuple(str(path) for path in task.rendered.paths),
        "overscan": task.rendered.shot.overscan,
        "depth_range": task.depth_range,
        "num_inference_steps": task.steps,
        "seed": task.seed,
        "keyframes": keyframes,
    }
    return Animation(**(given | fields))


def switched(prompt: str, frame: int, other: str) -> tuple[Keyframe, ...]:
    """One prompt until `frame`, then another: between keyframes prompts are blended."""
    return Keyframe(0, prompt), Keyframe(frame - 1, prompt), Keyframe(frame, other)


def single(engine: Engine, task: Task, index: int, *, seed: int, **fields: Any) -> Array:
    """One frame alone, its overscan painted as well, as `Animation` does: a larger picture has other detail."""
    margin = task.rendered.shot.overscan
    picture = depth_to_image(engine, task, index, held(task.rendered.passes(index).depth), seed=seed, **fields)
    return picture[margin:-margin, margin:-margin] if margin else picture


def depth_to_image(engine: Engine, task: Task, index: int, depth: Array, **fields: Any) -> Array:
    request = DepthToImage(
        prompt=task.prompt_at(index),
        depth=depth,
        depth_range=task.depth_range,
        num_inference_steps=task.steps,
        **fields,
    )
    return np.array(engine.run(request).images[0])


def warped(picture: Array, task: Task, index: int, border: int) -> tuple[Array, Array]:
    """A frame moved by the vectors of the next one, and (h, w) bool: what was not in sight (outside, or another object)."""
    now, before = task.rendered.cropped(index), task.rendered.cropped(index - 1)
    rows, columns = np.indices(held(now.depth).shape, np.float32)
    offset = motion_offsets(held(now.motion))[0]
    x, y = columns + offset[..., 0], rows + offset[..., 1]
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border)
    ids = cv2.remap(held(before.object_id).astype(np.float32), x, y, cv2.INTER_NEAREST, borderValue=-1.0)
    return moved, ids != held(now.object_id)


def defective(before: Array | None, task: Task, index: int) -> Array | None:
    """The frame before, with a defect in its middle where one is asked for."""
    return plant(before) if before is not None and task.defect is not None and index == task.defect + 1 else before


def defect_region(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """A square a quarter as wide as the picture."""
    height, width = shape[:2]
    side = min(height, width) // 4
    return slice((height - side) // 2, (height + side) // 2), slice((width - side) // 2, (width + side) // 2)


def plant(picture: Array) -> Array:
    """The picture with a magenta square."""
    marred = np.array(picture)
    marred[(*defect_region(marred.shape), slice(0, 3))] = (255, 0, 255) if marred.dtype == np.uint8 else (1, 0, 1)
    return marred


def range_of(rendered: Rendered) -> tuple[float, float]:
    """Nearest and farthest depth of the shot."""
    return finite_range(held(rendered.passes(index).depth) for index in range(rendered.count))


@contextmanager
def counted(engine: Engine) -> Iterator[list[int]]:
    """A list whose only number counts the rows that go through the UNet of the engine's model."""
    unet, count = engine._resources.model(engine._default_model).unet, [0]
    hook = unet.register_forward_hook(
        lambda _, given, kept, __: count.__setitem__(0, count[0] + rows(given, kept)), with_kwargs=True
    )
    try:
        yield count
    finally:
        hook.remove()


def rows(given: tuple[Any, ...], named: Mapping[str, Any]) -> int:
    return int((given[0] if given else named["sample"]).shape[0])
