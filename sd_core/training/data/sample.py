"""Samples: one seed, one picture with its depth and caption."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.captions import Look, scene_caption, texture_caption
from sd_core.training.data.colours import COLOURS, Colour, varied_rgb
from sd_core.training.data.materials import MATERIALS, Material
from sd_core.training.data.modifiers import MODIFIERS, SIZES, Modifier, Surface
from sd_core.training.data.noise import Plane
from sd_core.training.data.render import render
from sd_core.training.data.scenes import SceneMaterial, compose, describe
from sd_core.training.data.shading import lit_flat, make_surface

SMALLEST, LARGEST, STEP = 64, 512, 8  # px
TEXTURE_SIZES = (34.0, 72.0)  # px: features of a texture


class SampleKind(StrEnum):
    """What a picture is of."""

    TEXTURE = "texture"
    SCENE = "scene"


@dataclass(frozen=True, slots=True)
class Sample:
    """A training example."""

    image: NDArray[np.uint8]
    """(h, w, 3) sRGB."""
    depth: Plane | None
    """(h, w) planar camera depth in scene units, larger = farther, inf = background; None for a flat texture."""
    caption: str
    material: Material
    colour: Colour
    kind: SampleKind
    modifiers: tuple[Modifier, ...]


def _held_out_pairs() -> frozenset[tuple[Material, Colour]]:
    """A tenth of all pairs: every material once or twice, every colour two or three times."""
    count = round(len(MATERIALS) * len(COLOURS) / 10)
    return frozenset((MATERIALS[i % len(MATERIALS)], COLOURS[i * 5 % len(COLOURS)]) for i in range(count))


HELD_OUT_PAIRS: frozenset[tuple[Material, Colour]] = _held_out_pairs()


def make_sample(
    seed: int,
    height: int,
    width: int,
    *,
    kind: SampleKind | None = None,
    material: Material | None = None,
    colour: Colour | None = None,
    held_out: bool = False,
) -> Sample:
    """A picture with caption and depth; a pure function of its arguments.

    Args:
        seed: any number >= 0.
        height, width: px, multiples of 8 from 64 to 512.
        kind: texture or scene; None draws either with equal odds.
        material, colour: None draws one.
        held_out: draw from `HELD_OUT_PAIRS` and nothing else; otherwise these never occur.

    Raises:
        ValueError: a size out of range, or no pair of material and colour fits the demands.
    """
    for name, value in (("height", height), ("width", width)):
        if not SMALLEST <= value <= LARGEST or value % STEP:
            raise ValueError(f"{name} must be a multiple of {STEP} from {SMALLEST} to {LARGEST}, got {value}")
    rng = np.random.default_rng(np.random.SeedSequence((seed, height, width)))
    kind_drawn = (SampleKind.TEXTURE, SampleKind.SCENE)[int(rng.integers(2))]
    kind = kind_drawn if kind is None else SampleKind(kind)
    look = _draw_look(rng, _allowed_pairs(material, colour, held_out), kind)
    rgb = varied_rgb(look.colour, rng)
    picture = np.random.default_rng(rng.integers(2**63))
    if kind is SampleKind.TEXTURE:
        image, depth, caption = _texture(picture, look, rgb, (height, width)), None, texture_caption(rng, look)
    else:
        about = describe(picture, rgb)
        image, depth = render(
            compose(
                picture,
                SceneMaterial(material=look.material, rgb=rgb, modifiers=look.modifiers),
                about,
                (height, width),
            )
        )
        caption = scene_caption(rng, look, about)
    return Sample(image, depth, caption, look.material, look.colour, kind, look.modifiers)


def draw_surface(
    seed: int, side: int, *, sizes: tuple[float, float] = TEXTURE_SIZES, held_out: bool = False,
    materials: tuple[Material, ...] = MATERIALS,
) -> tuple[Surface, NDArray[np.uint8], Material]:  # fmt: skip
    """A material whose relief and albedo are known, the picture (side, side, 3) of it, and its name.

    Args:
        seed: any number >= 0; the result is a pure function of the arguments.
        side: px, a multiple of 8.
        sizes: least and largest feature size in px.
        held_out: draw a pair of material and colour from `HELD_OUT_PAIRS`; otherwise these never occur.
        materials: what is drawn from.
    """
    rng = np.random.default_rng(np.random.SeedSequence((seed, side, 1)))
    pairs = [pair for pair in _allowed_pairs(None, None, held_out) if pair[0] in materials]
    look = _draw_look(rng, pairs, SampleKind.TEXTURE)
    surface = _surface(rng, look, varied_rgb(look.colour, rng), (side, side), sizes)
    return surface, lit_flat(surface, rng), look.material


def _texture(rng: np.random.Generator, look: Look, rgb: Plane, shape: tuple[int, int]) -> NDArray[np.uint8]:
    return lit_flat(_surface(rng, look, rgb, shape, TEXTURE_SIZES), rng)


def _surface(
    rng: np.random.Generator, look: Look, rgb: Plane, shape: tuple[int, int], sizes: tuple[float, float]
) -> Surface:
    size = float(np.exp(rng.uniform(np.log(sizes[0]), np.log(sizes[1]))))
    return make_surface(rng, shape, look.material, rgb, look.modifiers, size)


def _allowed_pairs(material: Material | None, colour: Colour | None, held_out: bool) -> list[tuple[Material, Colour]]:
    pairs = [
        (m, c)
        for m in MATERIALS
        for c in COLOURS
        if ((m, c) in HELD_OUT_PAIRS) == held_out and material in (None, m) and colour in (None, c)
    ]
    if not pairs:
        kept = "held out of training" if not held_out else "part of training"
        raise ValueError(
            f"{colour or 'any colour'} {material or 'any material'} is {kept}; ask with held_out={not held_out}"
        )
    return pairs


def _draw_look(rng: np.random.Generator, pairs: list[tuple[Material, Colour]], kind: SampleKind) -> Look:
    material, colour = pairs[int(rng.integers(len(pairs)))]
    count = int(rng.choice(3, p=(0.7, 0.25, 0.05)))
    chosen = [MODIFIERS[i] for i in rng.permutation(len(MODIFIERS))[:count]]
    if sum(m in SIZES for m in chosen) > 1 or {Modifier.SHINY, Modifier.ROUGH} <= set(chosen):
        chosen = chosen[:1]
    return Look(material=material, colour=colour, modifiers=tuple(chosen))
