"""Filling a hole from the picture: shading goes on, patterns go on, what is outside stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sd_core.diffusion.masks import continue_patterns
from sd_core.diffusion.patch_join import join
from sd_core.diffusion.patch_shifts import likely_shifts

SIDE = 96
Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
HOLE = np.hypot(Y - 50, X - 44) < 17


def fill(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """With the hole painted red before, of which nothing may be seen."""
    hidden = np.where(HOLE[..., None], np.array((1, 0, 0), np.float32), picture)
    pixels = torch.from_numpy(hidden).permute(2, 0, 1)[None] * 2 - 1
    filled = continue_patterns(pixels, torch.from_numpy(HOLE.astype(np.float32))[None, None])
    assert torch.equal(filled[..., torch.from_numpy(~HOLE)], pixels[..., torch.from_numpy(~HOLE)])
    return (filled[0].permute(1, 2, 0).numpy() + 1) / 2


def colours(plane: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.stack([0.2 + 0.6 * plane, 0.5 - 0.3 * plane, 0.4 + 0.2 * plane], axis=2).astype(np.float32)


def error(filled: NDArray[np.float32], picture: NDArray[np.float32]) -> float:
    return float(np.sqrt(((filled - picture)[HOLE] ** 2).mean()) * 255)


PATTERNS = {
    "stripes": (np.sin(X * 2 * np.pi / 12) > 0),
    "checker": ((Y // 8 + X // 8) % 2),
    "bricks": ((Y % 12 < 2) | ((X + (Y // 12 % 2) * 10) % 20 < 2)),
    "hexagons": sum(np.cos(2 * np.pi * wave) for wave in (X / 12, X / 24 + Y / 14, X / 24 - Y / 14)) > 0,
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_regular_pattern_goes_on_under_the_hole(name: str) -> None:
    picture = colours(PATTERNS[name].astype(np.float32))
    assert error(fill(picture), picture) < 12  # a smooth fill: 49 to 77


def test_shading_goes_on_without_an_edge() -> None:
    picture = colours(X / 200 + Y / 300 + 0.1)
    assert error(fill(picture), picture) < 1


def test_a_pattern_in_uneven_light_keeps_both() -> None:
    picture = colours(PATTERNS["checker"].astype(np.float32)) * (0.5 + 0.4 * X / SIDE)[..., None]
    assert error(fill(picture), picture) < 12


def test_grain_stays_as_strong_as_around() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, (SIDE, SIDE, 3)).astype(np.float32)
    filled = fill(np.float32(0.5) + noise)
    assert 0.6 < filled[HOLE].std() / filled[~HOLE].std() < 1.1


def test_the_same_picture_is_filled_in_the_same_way() -> None:
    picture = np.random.default_rng(5).random((SIDE, SIDE, 3), np.float32)
    assert np.array_equal(fill(picture), fill(picture))


@pytest.mark.parametrize("shape", [(8, 8), (9, 40), (1, 64), (57, 33)])
def test_any_size_is_filled(shape: tuple[int, int]) -> None:
    pixels = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mask = torch.zeros(1, 1, *shape)
    mask[..., shape[0] // 3 : shape[0] // 3 + 3, shape[1] // 3 : shape[1] // 3 + 4] = 1
    filled = continue_patterns(pixels, mask)
    assert filled.shape == pixels.shape
    assert bool(torch.isfinite(filled).all())
    assert torch.equal(filled * (1 - mask), pixels * (1 - mask))


def test_where_nothing_is_known_or_nothing_is_asked_there_is_no_fault() -> None:
    pixels = torch.rand(1, 3, 32, 32)
    assert torch.equal(continue_patterns(pixels, torch.zeros(1, 1, 32, 32)), pixels)
    assert bool(torch.isfinite(continue_patterns(pixels, torch.ones(1, 1, 32, 32))).all())


def test_the_periods_of_a_pattern_are_found() -> None:
    shifts = likely_shifts(colours(PATTERNS["checker"].astype(np.float32)), np.hypot(Y - 50, X - 44) < 4)
    assert {(0, 16), (16, 0), (8, 8)} <= {(abs(int(y)), abs(int(x))) for y, x in shifts}


def test_what_is_joined_has_the_border_of_the_picture_and_the_gradients_of_the_copy() -> None:
    copied = np.random.default_rng(2).random((SIDE, SIDE, 3), np.float32) * np.float32(0.2) + np.float32(0.4)
    picture = copied + np.float32(0.1)  # the same in another tone
    assert np.abs(join(picture, copied, HOLE) - picture).max() < 1e-5
