"""Sample sheets: what the model draws so far, as grids of pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sd_core.display import contact_sheet
from sd_core.files import whole_file
from sd_core.training.latents import Latents
from sd_core.training.parts import Parts
from sd_core.training.precision import autocast

PROMPTS = (
    "red brick wall", "blue tiles", "green grass", "white marble",
    "yellow stripes", "purple scales", "brown planks", "grey cobblestone",
    "orange lava", "black leather", "turquoise hexagons", "pink fabric",
    "a texture of mossy grey gravel", "blue cracked ice", "old green rusty metal", "shiny red metal plates",
    "a red brick sphere on a grey floor", "a blue tiled torus", "a green grassy landscape", "a white marble snowman in the dark",
    "many yellow scaly boxes", "a wooden brown table on a grey floor", "an orange lava landscape", "two purple leather spheres",
)  # fmt: skip


def to_pictures(values: Tensor) -> NDArray[np.uint8]:
    """(b, 3, h, w) in [-1, 1] to (b, h, w, 3) uint8."""
    return ((values.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def write_sheet(rows: Sequence[Sequence[NDArray[np.uint8]]], path: Path) -> None:
    """Write rows of (h, w, 3) pictures of one size as a grid with white gaps, in the format that the name of `path` says."""
    columns = max(len(row) for row in rows)
    blank = np.full_like(rows[0][0], 255)
    sheet = contact_sheet(
        [picture for row in rows for picture in (*row, *[blank] * (columns - len(row)))], columns=columns
    )
    with whole_file(path) as temporary:
        Image.fromarray(sheet).save(temporary, quality=90)


def prompt_sheet(parts: Parts, path: Path, prompts: Sequence[str] = PROMPTS, *, size: int = 128, seed: int = 0) -> None:
    """Sample `prompts` (20 steps, guidance 3, one seed each) and write them as a sheet of eight columns."""
    with torch.inference_mode(), autocast():
        made = parts.pipeline()(
            list(prompts), height=size, width=size, num_inference_steps=20, guidance_scale=3.0, output_type="np",
            generator=[torch.Generator().manual_seed(seed + index) for index in range(len(prompts))],
        ).images  # fmt: skip
    pictures = (np.asarray(made) * 255).round().astype(np.uint8)
    write_sheet([list(pictures[start : start + 8]) for start in range(0, len(pictures), 8)], path)


def control_sheet(parts: Parts, controlnet: ControlNetModel, scenes: Latents, path: Path, *, count: int = 8) -> None:
    """Three rows: control pictures, the generator's own pictures, and samples from the captions with the control."""
    controls = np.stack([scenes.control(index) for index in range(count)])
    shown = np.repeat(np.maximum(controls, 1)[..., None] - 1, 3, axis=3)
    control = torch.from_numpy(shown.astype(np.float32) / 254).permute(0, 3, 1, 2)
    with torch.inference_mode(), autocast():
        made = parts.control_pipeline(controlnet)(
            [scenes.captions(index)[0] for index in range(count)], image=control, num_inference_steps=20, guidance_scale=3.0,
            output_type="np", generator=[torch.Generator().manual_seed(index) for index in range(count)],
        ).images  # fmt: skip
    pictures = (np.asarray(made) * 255).round().astype(np.uint8)
    write_sheet([list(shown), list(scenes.images.pictures[:count]), list(pictures)], path)
