"""How much time does reuse save on a model of full size? `Animation` beside independent frames, random weights.

    python -m tests.benchmarks.animation_speed [--size 128] [--overscan 16] [--steps 20] [--quick]

A model of the size of Stable Diffusion 1.5 with a depth ControlNet of its size, written once, over the whole orbit of the
animation benchmark. Encoding and decoding are counted on both sides, and the overscan is painted on both. Independent frames
cost the same each, so that only some of them are made. Random weights say nothing of pictures, and nothing of what is new in
a frame depends on them. `--quick` takes tiny models, to see that the script runs.

Wanted at full size: at least 2 times less time. Ends with status 1 if that is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from engine_speed import in_new_process, random_weights, write_full_size, write_tiny

if TYPE_CHECKING:
    from animation_arms import Arm, Made

WANTED = 2.0


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="animation_speed-") as name:
        folder = Path(name)
        in_new_process(write_tiny if options.quick else write_full_size, folder / "model")
        in_new_process(write_tiny_control if options.quick else write_full_control, folder / "control")
        alone, reused = measure(options, folder)
    times = alone.seconds / reused.seconds
    print(f"{options.frames} frames of {options.size} px and {options.overscan} px beyond, {options.steps} steps")
    print(f"{'':<20}{'s per frame':>14}{'UNet rows per frame':>22}")
    for title, made in (("independent", alone), ("Animation", reused)):
        print(f"{title:<20}{made.seconds:>14.2f}{made.evaluations:>22.1f}")
    print(f"{times:.2f} times less time (wanted {WANTED})")
    return int(not options.quick and times < WANTED)


def measure(options: argparse.Namespace, folder: Path) -> tuple[Made, Made]:
    """What independent frames cost, and what `Animation` does; the networks are loaded and warm before either."""
    # Blender's module is imported here, as it cannot be in the new processes, and before torch
    from animation_arms import Task, make, ours, range_of, single
    from animation_scenes import make_shot, render_shot

    from sd_core import Engine

    rendered = render_shot(
        make_shot("orbit", options.frames, options.size, options.overscan, whole=True), folder / "scenes"
    )
    task = Task(rendered=rendered, prompt="a stone statue", steps=options.steps, seed=3, depth_range=range_of(rendered))
    model, control = str(folder / "model"), str(folder / "control")
    alone: Arm = lambda engine, task, wanted: (  # noqa: E731 - an arm, with the ControlNet bound
        (index, single(engine, task, index, seed=task.seed + index, controlnet=control)) for index in wanted
    )
    reused: Arm = lambda engine, task, wanted: ours(engine, task, wanted, controlnet=control)  # noqa: E731
    with Engine(model=model) as engine:
        single(engine, task, 0, seed=task.seed, controlnet=control)
        return make(alone, engine, task, range(0, options.frames, options.stride)), make(reused, engine, task)


def write_tiny_control(folder: Path) -> None:
    """The tests' tiny ControlNet."""
    from tests.tiny import TinyKind, tiny_controlnet

    tiny_controlnet(TinyKind.SD1, folder)


def write_full_control(folder: Path) -> None:
    """A ControlNet of the shapes of Stable Diffusion 1.5's with random weights."""
    import torch
    from diffusers import ControlNetModel

    with torch.device("meta"):
        net = ControlNetModel(cross_attention_dim=768, attention_head_dim=8)
    random_weights(net).save_pretrained(folder)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--overscan", type=int, default=16)
    parser.add_argument("--frames", type=int, default=121, help="in which the camera goes around once")
    parser.add_argument("--stride", type=int, default=10, help="every so-many-th frame is made alone")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="tiny models at 64 px: does the script run?")
    options = parser.parse_args()
    if options.quick:
        options.size, options.frames, options.steps, options.stride = 64, 6, 3, 3
    return options


if __name__ == "__main__":
    raise SystemExit(main())
