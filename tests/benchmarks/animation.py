"""Does an animation hold still, and is it still alive? Five ways to make it, measured side by side in one run.

    python tests/benchmarks/animation.py --quick
    python tests/benchmarks/animation.py --scenes orbit dolly --frames 48 --steps 10 --out out/

Scenes are rendered by the real `bpy`. Arms: independent noise; fixed seed; warp, then image to image (as Deforum); pure
warp copy with holes filled from around, which is the cheat; and `Animation`. Warp errors are those along true vectors,
composed over the lag, where the renderer says that the same surface point is in sight (E); F is the same of textured
renders of the scene, encoded and decoded. Independent noise and ours are run with several seeds: what one draw of the first
frame happens to look like stays for a whole shot. The cheat has low errors by construction, so guards must catch it: the run ends
with status 2 where it passes all but two of them. Writes `table.md`, `table.json`, `plot.png` and a sheet for each scene.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bpy  # noqa: F401 - before torch: both bring an OpenMP of their own
import numpy as np
from animation_arms import ALONE, ARMS, MEMORYLESS, REPEATED, Made, Task, make, range_of, single
from animation_judge import Judge, make_judge
from animation_measures import (
    Frames,
    Truth,
    colour_drift,
    held,
    mean_of,
    newly_seen,
    progress_between,
    psnr,
    seam,
    sharpness,
    warp_error,
)  # fmt: skip
from animation_repair import half_life
from animation_scenes import CLOSED, SCENES, Rendered, make_shot, render_shot
from animation_table import GUARDS, failed_guards, plot, print_table, sheet, write_tables
from builtin_depth import following

from sd_core import Engine
from sd_core.passes import depth_control
from sd_core.values import Array

LAGS = (1, 8, 24)
SWITCH, PATIENCE = 6, 8
"""The frame at which the prompt is switched, and the frames after which that must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options."""

    prompt: str
    other_prompt: str
    steps: int
    seeds: int
    stride: int
    arms: list[str]
    out: Path


def main() -> int:
    options = parse()
    given = Given(**{name: getattr(options, name) for name in Given.__dataclass_fields__})
    given.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, float | str]] = []
    judge = None
    if options.judge or options.judge_file:
        judge = make_judge(options.judge, options.judge_file, given.prompt, options.model, options.size)
    with Engine(model=options.model) as engine:
        for name in options.scenes:
            shot = make_shot(name, options.frames, options.size, options.overscan, whole=options.whole)
            rendered, first = render_shot(shot, options.root), name == options.scenes[0]
            rows += measure_scene(engine, rendered, given, judge, first=first)
            write_tables(rows, given.out)
    print_table(rows)
    plot(rows, given.out / "plot.png")
    if "pure warp copy" not in given.arms:
        return 0
    failed = failed_guards(rows, "pure warp copy")
    print(f"the cheat fails {len(failed)} of {len(GUARDS)} guards: {', '.join(failed)}")
    return 0 if len(failed) >= 3 else 2


def measure_scene(
    engine: Engine, rendered: Rendered, given: Given, judge: Judge | None, *, first: bool
) -> list[dict[str, float | str]]:
    """One row for each arm, and the first of them for the floor. On the `first` scene liveness is measured as well."""
    truth = Truth(rendered)
    task = Task(
        rendered=rendered, prompt=given.prompt, steps=given.steps, seed=11, depth_range=range_of(rendered)
    )  # fmt: skip
    tasks = [replace(task, seed=task.seed + 101 * seed) for seed in range(given.seeds)]
    sampled = sample(rendered.count, given.stride)
    floor = {index: round_trip(engine, rendered.textured(index)) for index in sampled}
    rows: list[dict[str, float | str]] = [floor_row(truth, floor)]
    made: dict[str, list[Made]] = {}
    for name in given.arms:
        wanted = sampled if name in MEMORYLESS else None
        made[name] = [make(ARMS[name], engine, one, wanted) for one in (tasks if name in REPEATED else tasks[:1])]
        row = measure_arm(truth, made[name], made.get(ALONE, []), sampled)
        if judge is not None:
            row["prompt"] = mean_of(
                [judge.share({index: run.frames[index] for index in sampled}) for run in made[name]]
            )
        if first and name not in MEMORYLESS:
            row |= liveness(engine, task, name, given)
        rows.append({"scene": rendered.shot.name, "arm": name} | row)
        print(
            {key: value if isinstance(value, str) else round(value, 5) for key, value in rows[-1].items()}, flush=True
        )
    sheet(
        {name: runs[0].frames for name, runs in made.items()},
        sampled,
        given.out / f"{rendered.shot.name}.png",
    )
    return rows


def measure_arm(truth: Truth, runs: list[Made], alone: list[Made], sampled: list[int]) -> dict[str, float]:
    """Every measure that the runs of an arm give, their mean; those of newly seen regions over independent frames."""
    each = [measure_run(truth, made, sampled) for made in runs]
    figures = {name: mean_of([one[name] for one in each]) for name in each[0]}
    if alone:
        last = truth.count - 1
        ends = [index for index in sampled if index >= last - 24]
        surfaces, new = {index: truth.surface(index) for index in ends}, new_regions(truth, sampled)
        figures["sharpness"] = over_alone(runs, alone, lambda frames: sharp(frames, surfaces))
        figures["last_sharpness"] = over_alone(runs, alone, lambda frames: sharp(frames, {last: surfaces[last]}))
        figures["new_sharpness"] = over_alone(runs, alone, lambda frames: sharp(frames, new))
        figures["new_seam"] = over_alone(runs, alone, lambda frames: seams(truth, frames, new))
    return figures


def measure_run(truth: Truth, made: Made, sampled: list[int]) -> dict[str, float]:
    last = truth.count - 1
    kept: Frames = {index: made.frames[index] for index in sampled}
    figures = {f"E{lag}": warp_error(truth, kept, lag) for lag in LAGS}
    figures |= {"evaluations": made.evaluations, "seconds": made.seconds, "drift": colour_drift(truth, kept, 0, last)}
    figures["depth"] = mean_of([depth_following(truth, index, kept[index]) for index in sampled[::2]])
    shot = truth.rendered.shot
    if shot.name in CLOSED and shot.frames == shot.path:
        figures["closure"] = psnr(kept[0], kept[last])
    return figures


def over_alone(runs: list[Made], alone: list[Made], measure: Callable[[Frames], float]) -> float:
    """The mean of a measure over the runs, as a share of that over independent frames."""
    return mean_of([measure(run.frames) for run in runs]) / mean_of([measure(run.frames) for run in alone])


def sharp(frames: Frames, wheres: Mapping[int, Array]) -> float:
    """Mean sharpness over (h, w) bool regions by frame."""
    return mean_of([sharpness(frames[index], where) for index, where in wheres.items()])


def seams(truth: Truth, frames: Frames, wheres: Mapping[int, Array]) -> float:
    """Mean steps across the borders of (h, w) bool regions by frame."""
    return mean_of([seam(frames[index], where, truth.passes(index)) for index, where in wheres.items()])


def new_regions(truth: Truth, indices: list[int]) -> dict[int, Array]:
    """(h, w) bool by frame: what came into sight within 8 frames, where it is enough to be measured."""
    found = {index: newly_seen(truth, index) for index in indices if index >= 8}
    return {index: new for index, new in found.items() if new.mean() >= 0.01}


def liveness(engine: Engine, task: Task, arm: str, given: Given) -> dict[str, float]:
    """How far a switched prompt has come after 8 frames, and after how many frames a defect has halved."""
    short = truncated(task, SWITCH + PATIENCE + 1)
    switched = replace(short, switch=(SWITCH, given.other_prompt))
    end = SWITCH + PATIENCE
    picture = make(ARMS[arm], engine, switched).frames[end]
    start = several(engine, short, end)
    goal = several(engine, replace(short, prompt=given.other_prompt), end)
    return {"switch": progress_between(picture, start, goal), "half_life": half_life(engine, short, arm)}


def several(engine: Engine, task: Task, index: int, count: int = 5) -> Array:
    """Frames alone of as many seeds, side by side: the mean colour of one is a matter of luck."""
    return np.hstack([single(engine, task, index, seed=task.seed + 503 * (seed + 1)) for seed in range(count)])


def floor_row(truth: Truth, frames: Frames) -> dict[str, float | str]:
    """The autoencoder's own share in every measure that it limits."""
    row: dict[str, float | str] = {"scene": truth.rendered.shot.name, "arm": "autoencoder (F)"}
    row |= {f"E{lag}": warp_error(truth, frames, lag) for lag in LAGS}
    row["closure"] = mean_of([psnr(picture, truth.rendered.textured(index)) for index, picture in frames.items()])
    return row


def sample(count: int, stride: int) -> list[int]:
    """Every `stride`-th frame and the one before it: enough for pairs at all lags."""
    return sorted({0, count - 1} | {place for index in range(stride, count, stride) for place in (index - 1, index)})


def round_trip(engine: Engine, picture: Array) -> Array:
    """Encoded and decoded, nothing denoised between."""
    from sd_core.diffusion.images import to_array, to_pixels
    from sd_core.diffusion.latents import decode, encode_mean

    model = engine._resources.model(engine._default_model)
    return to_array(decode(model, encode_mean(model, to_pixels(picture)))[0])


def depth_following(truth: Truth, index: int, picture: Array) -> float:
    depth = held(truth.passes(index).depth)
    return following(picture, depth_control(depth))


def truncated(task: Task, frames: int) -> Task:
    shot = replace(task.rendered.shot, frames=min(frames, task.rendered.count))
    return replace(task, rendered=Rendered(shot, task.rendered.folder))


def parse() -> argparse.Namespace:
    scratch = Path(tempfile.gettempdir())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--overscan", type=int, default=16)
    parser.add_argument("--frames", type=int, help="the first so many of each scene")
    parser.add_argument("--whole", action="store_true", help="the whole path in so few frames: faster, and closed")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5, help="runs of independent noise and of ours")
    parser.add_argument("--stride", type=int, default=8, help="every so-many-th frame is measured; divides 8 and 24")
    parser.add_argument("--judge", type=int, default=0, help="textures to train the judge of prompts on; 0: no judge")
    parser.add_argument("--judge-file", type=Path, help="the judge is kept in this file, or taken from it")
    parser.add_argument("--prompt", default="blue cobblestone")
    parser.add_argument("--other-prompt", default="orange cobblestone")
    parser.add_argument("--root", type=Path, default=scratch / "sd_core_scenes", help="where renders are kept")
    parser.add_argument("--out", type=Path, default=scratch / "sd_core_animation")
    parser.add_argument("--quick", action="store_true", help="one short scene: does it run at all?")
    given = parser.parse_args()
    if given.quick:
        given.scenes, given.frames, given.steps, given.seeds, given.size = ["occluder"], 18, 4, 1, 64
    return given


if __name__ == "__main__":
    sys.exit(main())
