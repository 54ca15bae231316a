"""The contact sheet of the built-in model: materials by colours, and scenes beside their depth.

python tests/benchmarks/builtin_sheet.py examples/pictures/builtin.webp [--model builtin] [--size 128]

The sheet shows every picture at half its size.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from sd_core import Engine
from sd_core.passes import depth_control
from sd_core.requests import DepthToImage, TextToImage
from sd_core.training.data import MATERIALS, SampleKind, make_sample
from sd_core.training.sheets import write_sheet

COLOURS = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "white")
HELD_OUT_SEED = 910_000_000


def textures(engine: Engine, model: str, size: int) -> list[list[np.ndarray]]:
    """A row for each material."""
    return [
        [
            engine.run(
                TextToImage(prompt=f"{colour} {material}", width=size, height=size, seed=row, model=model)
            ).images[0]
            for colour in COLOURS
        ]
        for row, material in enumerate(MATERIALS)
    ]


def scenes(engine: Engine, model: str, size: int) -> list[list[np.ndarray]]:
    """Rows of depth and picture, in turn."""
    row: list[np.ndarray] = []
    for seed in range(len(COLOURS)):
        sample = make_sample(HELD_OUT_SEED + seed, size, size, kind=SampleKind.SCENE)
        assert sample.depth is not None
        control = (depth_control(sample.depth) * 255).round().astype(np.uint8)
        request = DepthToImage(prompt=sample.caption, depth=sample.depth, seed=seed, model=model)
        row += [np.repeat(control[..., None], 3, axis=2), engine.run(request).images[0]]
    half = len(COLOURS)
    return [row[:half], row[half:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    with Engine(model=arguments.model) as engine:
        rows = textures(engine, arguments.model, arguments.size) + scenes(engine, arguments.model, arguments.size)
    write_sheet(rows, arguments.sheet)
    with Image.open(arguments.sheet) as whole:
        half = whole.convert("RGB").reduce(2)
    half.save(arguments.sheet, quality=80)
    print(f"wrote {arguments.sheet}")


if __name__ == "__main__":
    main()
