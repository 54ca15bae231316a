"""The score tells pictures that tile from pictures that do not."""

import numpy as np
import pytest

from sd_core.requests import Seamless
from sd_core.texture import FAILS, PASSES, make_material, wrap_score
from sd_core.training.data.materials import MATERIALS, Material
from tests.texture.samples import cropped, tiling

REPEATING = {Material.CHECKER, Material.STRIPES, Material.FABRIC, Material.KNIT, Material.TILES, Material.QUILT}
"""Whatever is cut from these may tile by chance."""


def test_pictures_that_tile_and_their_maps_pass() -> None:
    scores = [
        wrap_score(picture)
        for material in MATERIALS
        for picture in make_material(tiling(material, 1, 256)).maps.values()
    ]
    assert np.mean(np.array(scores) <= PASSES) > 0.9 and max(scores) <= FAILS


def test_crops_fail() -> None:
    scores = [wrap_score(cropped(m, seed)) for m in MATERIALS if m not in REPEATING for seed in (1, 2)]
    assert np.mean(np.array(scores) > FAILS) >= 0.9


@pytest.mark.parametrize("material", [Material.GRAVEL, Material.GRASS])
def test_a_seam_that_was_blurred_away_fails(material: Material) -> None:
    picture = cropped(material, 3, 256)
    ramp = np.clip(1 - np.minimum(np.arange(192), np.arange(191, -1, -1)) / 10, 0, 1)[None, :, None]
    blurred = picture.mean(axis=1, keepdims=True)
    assert wrap_score(picture * (1 - ramp) + blurred * ramp, Seamless.X) > FAILS


def test_only_the_axes_asked_for_are_judged() -> None:
    picture = tiling(Material.GRAVEL, 1, 256)[:160]
    assert wrap_score(picture, Seamless.X) <= PASSES < FAILS < wrap_score(picture, Seamless.Y)
    assert wrap_score(picture, Seamless.NONE) == 0


def test_a_constant_map_passes() -> None:
    assert wrap_score(np.zeros((64, 64), np.uint8)) <= PASSES


def test_rolling_a_picture_by_a_period_changes_nothing() -> None:
    picture = tiling(Material.BARK, 2)
    assert wrap_score(np.roll(picture, picture.shape[:2], (0, 1))) == wrap_score(picture)
