"""Inpainting, outpainting, upscaling, corrections: sizes, what is kept, what changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sd_core import Adjust, Engine, ImageToImage, Inpaint, Upscale, replace
from tests.conftest import Built
from tests.engine.pictures import bytes_picture, picture
from tests.tiny import TinyKind

SIDE = 64
COMMON: dict[str, Any] = {"prompt": "wall", "num_inference_steps": 3, "seed": 2, "scheduler": "euler"}
MODELS = [TinyKind.SD1, TinyKind.SD1_INPAINT]
HOLE = np.zeros((SIDE, SIDE), np.float32)
HOLE[19:42, 13:37] = 1


@pytest.mark.parametrize("fill", ["noise", "original", "surroundings"])
@pytest.mark.parametrize("kind", MODELS)
def test_what_is_not_masked_stays_to_the_bit(engine: Engine, tiny: Built, kind: TinyKind, fill: str) -> None:
    image = bytes_picture(SIDE, SIDE)
    request = Inpaint(image=image, mask=HOLE, fill=fill, model=str(tiny(kind)), **COMMON)
    painted = engine.run(request).images[0]
    assert np.array_equal(painted[HOLE == 0], image[HOLE == 0])
    assert (painted[HOLE == 1] != image[HOLE == 1]).any(axis=1).mean() > 0.9


def test_feathering_changes_no_further_than_it_says(engine: Engine, tiny: Built) -> None:
    image = bytes_picture(SIDE, SIDE)
    request = Inpaint(image=image, mask=HOLE, feather=5, model=str(tiny(TinyKind.SD1)), **COMMON)
    painted = engine.run(request).images[0]
    near = np.zeros_like(HOLE, bool)
    near[19 - 5 : 42 + 5, 13 - 5 : 37 + 5] = True
    assert np.array_equal(painted[~near], image[~near])
    ring = near & (HOLE == 0)
    assert (painted[ring] != image[ring]).any()


def test_removing_an_object_needs_no_prompt(engine: Engine, tiny: Built) -> None:
    fields = COMMON | {
        "prompt": "",
        "model": str(tiny(TinyKind.SD1)),
        "mask": HOLE,
        "fill": "surroundings",
        "strength": 0.4,
    }
    image = bytes_picture(SIDE, SIDE)
    with_object = image.copy()
    with_object[HOLE == 1] = (255, 0, 0)
    # What stood under the mask leaves no trace: it was filled from outside before anything saw it.
    first, second = (engine.run(Inpaint(image=i, **fields)) for i in (image, with_object))
    assert np.array_equal(first.images[0], second.images[0])


def test_with_nothing_to_paint_an_empty_background_stays_empty(engine: Engine, tiny: Built) -> None:
    shade = np.linspace(90, 140, SIDE)[None, :, None] + np.linspace(0, 30, SIDE)[:, None, None] + np.zeros((1, 1, 3))
    empty = np.rint(shade).astype(np.uint8)
    with_object = np.where(HOLE[..., None] > 0, np.array((255, 0, 0), np.uint8), empty)
    request = Inpaint(image=with_object, mask=HOLE, fill="surroundings", model=str(tiny(TinyKind.SD1)), prompt=" ")
    result = engine.run(replace(request, num_images=2))
    assert np.abs(result.images[0].astype(int) - empty).max() <= 2
    assert np.array_equal(result.images[0], result.images[1])
    assert "nothing denoised" in result.decisions["inpaint"]


def test_what_guides_a_removal_is_not_ignored(engine: Engine, tiny: Built) -> None:
    image = bytes_picture(SIDE, SIDE)
    fields = COMMON | {"model": str(tiny(TinyKind.SD1)), "image": image, "mask": HOLE, "fill": "surroundings"}
    assert "inpaint" not in engine.run(Inpaint(**fields)).decisions
    assert "inpaint" not in engine.run(Inpaint(**fields | {"prompt": "", "strength": 0.5})).decisions


@pytest.mark.parametrize("expand", [(8, 16, 24, 0), (0, 0, 0, 32), (5, 3, 3, 5)])
def test_outpainting_adds_what_was_asked_and_keeps_the_rest(
    engine: Engine, tiny: Built, expand: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = expand
    image = bytes_picture(SIDE, SIDE)
    request = Inpaint(image=image, expand=expand, model=str(tiny(TinyKind.SD1)), **COMMON)
    painted = engine.run(request).images[0]
    nothing = replace(request, mask=np.zeros((SIDE, SIDE), np.float32))
    assert np.array_equal(engine.run(nothing).images[0], painted)
    assert painted.shape == (SIDE + top + bottom, SIDE + left + right, 3)
    assert np.array_equal(painted[top : top + SIDE, left : left + SIDE], image)


def test_the_alpha_of_a_picture_is_given_back(engine: Engine, tiny: Built) -> None:
    image = bytes_picture(SIDE, SIDE, channels=4)
    model = str(tiny(TinyKind.SD1))
    kept = engine.run(ImageToImage(image=image, strength=0.5, model=model, **COMMON)).images[0]
    assert np.array_equal(kept[..., 3], image[..., 3])
    opaque = engine.run(ImageToImage(image=image[..., :3].copy(), strength=0.5, model=model, **COMMON)).images[0]
    assert np.array_equal(kept[..., :3], opaque)


def test_what_is_painted_is_opaque_and_the_rest_as_clear_as_before(engine: Engine, tiny: Built) -> None:
    image = bytes_picture(SIDE, SIDE, channels=4)
    painted = engine.run(Inpaint(image=image, mask=HOLE, model=str(tiny(TinyKind.SD1)), **COMMON)).images[0]
    assert np.array_equal(painted[HOLE == 0], image[HOLE == 0])
    assert (painted[HOLE == 1][:, 3] == 255).all()


@pytest.mark.parametrize(("scale", "channels"), [(2, 3), (1.5, 4), (4, 3), (1, 4)])
def test_upscaling_gives_the_size_that_was_asked_for(engine: Engine, tiny: Built, scale: float, channels: int) -> None:
    image = bytes_picture(48, 32, channels=channels)
    request = Upscale(image=image, scale=scale, strength=0.4, model=str(tiny(TinyKind.SD1)), **COMMON)
    large = engine.run(request).images[0]
    assert large.shape == (round(48 * scale), round(32 * scale), channels)


def test_upscaling_keeps_the_tones_of_the_picture(engine: Engine, tiny: Built) -> None:
    """Random weights paint colours of their own; only the details may be theirs."""
    across, down = np.meshgrid(np.linspace(70, 180, SIDE), np.linspace(70, 180, SIDE))
    image = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    request = Upscale(image=image, strength=0.6, model=str(tiny(TinyKind.SD1)), **COMMON)
    large = engine.run(request).images[0].astype(np.float32)
    small = large.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    tones = gaussian_filter(small - image, (16, 16, 0))
    assert np.abs(tones).mean() < 6
    assert (large - np.repeat(np.repeat(image, 2, 0), 2, 1)).std() > 10


def test_upscaling_a_plain_alpha_keeps_it_plain(engine: Engine, tiny: Built) -> None:
    image = bytes_picture(SIDE, SIDE, channels=4)
    image[..., 3] = 77
    request = Upscale(image=image, strength=0.4, model=str(tiny(TinyKind.SD1)), **COMMON)
    assert (engine.run(request).images[0][..., 3] == 77).all()


@pytest.mark.parametrize("channels", [3, 4])
def test_neutral_corrections_change_no_bit(engine: Engine, channels: int) -> None:
    image = bytes_picture(40, 50, channels=channels)
    assert np.array_equal(engine.run(Adjust(image=image)).images[0], image)


def test_matching_takes_over_mean_and_spread_of_the_colours(engine: Engine) -> None:
    image, reference = (0.3 + 0.3 * picture(80, 90, seed=seed) ** power for seed, power in ((1, 1), (2, 2)))
    matched = engine.run(Adjust(image=image, match=reference)).images[0] / 255
    got, wanted = matched.reshape(-1, 3), reference.reshape(-1, 3)
    np.testing.assert_allclose(got.mean(0), wanted.mean(0), atol=2e-3)
    np.testing.assert_allclose(np.cov(got.T), np.cov(wanted.T), atol=1e-3)


def test_a_picture_matched_to_itself_is_the_same(engine: Engine) -> None:
    image = bytes_picture(60, 60)
    matched = engine.run(Adjust(image=image, match=image)).images[0]
    assert np.abs(matched.astype(int) - image).max() <= 1


def test_exposure_is_a_factor_of_light(engine: Engine) -> None:
    image = (0.1 + 0.3 * picture(30, 30)).astype(np.float32)
    brighter = engine.run(Adjust(image=image, exposure=1)).images[0]
    assert (brighter > np.rint(image * 255)).all()
    back = engine.run(Adjust(image=brighter, exposure=-1)).images[0]
    assert np.abs(back / 255 - image).max() < 2 / 255


def test_without_saturation_there_is_only_grey(engine: Engine) -> None:
    grey = engine.run(Adjust(image=bytes_picture(30, 30), saturation=0)).images[0].astype(int)
    assert np.ptp(grey, axis=2).max() <= 1


def test_grey_has_no_hue_to_turn(engine: Engine) -> None:
    image = np.repeat(bytes_picture(30, 30)[..., :1], 3, axis=2)
    turned = engine.run(Adjust(image=image, hue=120, saturation=3)).images[0]
    assert np.abs(turned.astype(int) - image).max() <= 1


def test_a_third_of_a_turn_makes_red_dominate_no_more(engine: Engine) -> None:
    image = np.full((8, 8, 3), (180, 90, 90), np.uint8)
    green = engine.run(Adjust(image=image, hue=120)).images[0][0, 0]
    assert green.argmax() == 1


def test_warmer_is_redder_and_cooler_is_bluer(engine: Engine) -> None:
    image = np.full((8, 8, 3), 128, np.uint8)
    warm, cool = (engine.run(Adjust(image=image, temperature=t)).images[0][0, 0].astype(int) for t in (0.5, -0.5))
    assert warm[0] > 128 > warm[2]
    assert cool[0] < 128 < cool[2]


def test_contrast_spreads_around_the_middle(engine: Engine) -> None:
    image = bytes_picture(30, 30)
    flat = engine.run(Adjust(image=image, contrast=0)).images[0]
    assert np.ptp(flat) == 0 and abs(int(flat[0, 0, 0]) - 128) <= 1
    strong = engine.run(Adjust(image=image, contrast=2)).images[0].astype(int)
    assert (np.sign(strong - 127.5) == np.sign(image - 127.5)).all()
