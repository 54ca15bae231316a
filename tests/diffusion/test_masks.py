"""Laws of masks: what is outside stays, what is filled continues its surroundings."""

import numpy as np
import torch

from sd_core.diffusion.masks import binary, feather, fill_from_surroundings, over_borders, paste, to_cells
from sd_core.requests import Seamless


def square(size: int = 64, low: int = 20, high: int = 44) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., low:high, low:high] = 1
    return mask


def test_a_plain_colour_is_continued_exactly() -> None:
    pixels = torch.full((1, 3, 64, 64), 0.25)
    torch.testing.assert_close(fill_from_surroundings(pixels * (1 - square()), square()), pixels)


def test_a_gradient_is_continued_without_a_step() -> None:
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    filled = fill_from_surroundings(ramp * (1 - square()), square())
    assert (filled - ramp).abs().max() < 0.35
    assert torch.equal(filled[..., :20, :], ramp[..., :20, :])


def test_a_mask_that_covers_everything_is_filled_with_grey() -> None:
    assert torch.equal(fill_from_surroundings(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)), torch.zeros(1, 3, 8, 8))


def test_feathering_falls_outside_the_mask_only() -> None:
    soft = feather(square(), 6)
    assert torch.equal(feather(square(), 0), square())
    assert (soft[square() > 0] == 1).all()
    line = soft[0, 0, 32, 44:52]
    assert (line.diff() <= 0).all() and 0 < line[0] < 1 and line[-1] == 0


def test_pasting_keeps_untouched_pixels_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    base, painted = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    soft = feather(square(), 5)[0, 0].numpy()
    pasted = paste(base, painted, soft)
    assert np.array_equal(pasted[soft == 0], base[soft == 0])
    assert np.array_equal(pasted[soft == 1], painted[soft == 1])


def test_masks_are_cut_at_one_half_and_shrink_by_nearest_neighbour() -> None:
    assert torch.equal(binary(torch.tensor([0.49, 0.5, 1.0])), torch.tensor([0.0, 1.0, 1.0]))
    assert torch.equal(to_cells(square(64, 16, 48), 8), square(8, 2, 6))


def test_a_soft_edge_goes_on_over_the_border_where_the_picture_tiles() -> None:
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 10:20, :5] = 1
    soften = lambda m: over_borders(lambda p: feather(p, 6), Seamless.X, m)  # noqa: E731
    assert torch.equal(soften(mask.roll(17, -1)), soften(mask).roll(17, -1))
    assert soften(mask)[0, 0, 15, -1] > 0.5 > feather(mask, 6)[0, 0, 15, -1]
    assert torch.equal(over_borders(lambda p: feather(p, 6), Seamless.NONE, mask), feather(mask, 6))


def test_a_gap_at_the_border_is_filled_from_both_sides_where_the_picture_tiles() -> None:
    picture, mask = torch.full((1, 3, 32, 32), -1.0), torch.zeros(1, 1, 32, 32)
    picture[..., 24:] = 1.0
    mask[..., :12] = 1
    wrapped = over_borders(fill_from_surroundings, Seamless.X, picture, mask)
    assert wrapped[..., 0].min() > 0 > fill_from_surroundings(picture, mask)[..., 0].max()
