"""A texture is a picture that the engine makes with its edges joined, and the maps of that picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core import from_json, load_request
from sd_core.devices import choose_placement
from sd_core.engine import Engine
from sd_core.engine.context import JobContext
from sd_core.engine.resources import Resources
from sd_core.errors import RequestError
from sd_core.jobs import Job
from sd_core.requests import (
    Control,
    NormalConvention,
    Seamless,
    SeamlessMethod,
    TextToImage,
    Texture,
    TextureMap,
    Upscale,
)
from sd_core.tasks.generate import generate
from sd_core.tasks.plan import BatchPlan, TaskEnv
from sd_core.tasks.texture import plan_texture
from sd_core.texture import FAILS, builtin_estimator, make_material, wrap_score
from sd_core.training.data.materials import Material
from sd_core.values import Array
from tests.conftest import Built
from tests.texture.samples import cropped, tiling
from tests.tiny import TinyKind


@pytest.fixture(scope="module")
def engine(tiny: Built) -> Iterator[Engine]:
    with Engine(model=str(tiny(TinyKind.SD1)), device="cpu", dtype="float32") as shared:
        yield shared


def texture(**fields: Any) -> Texture:
    given: dict[str, Any] = {"prompt": "brick wall", "seed": 3, "width": 64, "height": 64, "num_inference_steps": 2}
    return Texture(**(given | fields))


def test_the_base_colour_is_the_seamless_picture_without_its_shading(engine: Engine) -> None:
    result = engine.run(texture())
    picture = engine.run(
        TextToImage(prompt="brick wall", seed=3, width=64, height=64, num_inference_steps=2, seamless="xy")
    ).images[0]
    material = make_material(picture / np.float32(255), "brick wall", estimator=builtin_estimator())
    assert np.array_equal(result.images[0], np.rint(material.maps[TextureMap.BASE_COLOR] * 255).astype(np.uint8))
    for name in TextureMap:
        assert np.array_equal(result.maps[name], material.maps[name])
    assert result.request.seamless is Seamless.XY


def test_the_report_gives_depth_and_wrap_scores(engine: Engine) -> None:
    result = engine.run(texture(maps=("normal", "height"), normal_convention=NormalConvention.DIRECTX))
    assert set(result.maps) == {"normal", "height"} == set(result.report["wrap_scores"])
    assert 0 < result.report["height_scale"] < 0.2
    assert "roughness_and_metallic" in result.decisions


@pytest.mark.parametrize(("axes", "size"), [("x", (72, 64)), ("y", (64, 72)), ("none", (72, 72))])
def test_only_wrapping_axes_must_be_multiples_of_the_coarsest_cell(
    engine: Engine, axes: str, size: tuple[int, int]
) -> None:
    height, width = size
    assert engine.run(texture(height=height, width=width, seamless=axes)).images[0].shape == (height, width, 3)
    if axes != "none":
        with pytest.raises(RequestError, match="seamless picture needs a multiple of"):
            engine.run(texture(height=width, width=height, seamless=axes))


def test_a_picture_that_does_not_tile_is_repainted_along_its_seam(engine: Engine) -> None:
    photo = np.rint(cropped(Material.COBBLESTONE, 2, 256) * 255).astype(np.uint8)
    assert wrap_score(photo) > FAILS
    result = engine.run(texture(image=photo, width=None, height=None, strength=0.5, num_inference_steps=4))
    assert "seam" in result.decisions


def test_a_picture_that_tiles_is_an_ordinary_start(engine: Engine) -> None:
    start = np.rint(tiling(Material.COBBLESTONE, 2, 256) * 255).astype(np.uint8)
    result = engine.run(texture(image=start, width=None, height=None, strength=0.5, num_inference_steps=4))
    assert "seam" not in result.decisions


@pytest.mark.parametrize(("axes", "shift"), [("x", (0, 3)), ("y", (2, 0)), ("xy", (2, 3))])
def test_rolled_noise_and_controls_give_a_rolled_texture(
    tiny: Built, controlnet: Built, t2i_adapter: Built, axes: str, shift: tuple[int, int]
) -> None:
    """From noise to pixels: conditioning, guidance, scheduler, controls, UNet and decoder know no place."""
    model = str(tiny(TinyKind.SD1))
    folders = controlnet(TinyKind.SD1), t2i_adapter(TinyKind.SD1)
    seen = np.random.default_rng(3).random((128, 128, 3), dtype=np.float32)

    def made(rolls: tuple[int, int]) -> Array:
        hint = np.roll(seen, [16 * n for n in rolls], (0, 1))
        controls = tuple(Control(kind="depth", image=hint, model=str(folder)) for folder in folders)
        request = texture(seamless=axes, width=128, height=128, scheduler="ddim", controls=controls)
        context = JobContext(Job(request), Resources(choose_placement("cpu", "float32")), model)

        def rolled(asked: Texture, bench: TaskEnv) -> BatchPlan:
            plan = plan_texture(asked, bench)
            # The tiny UNet halves its latents once.
            return replace(plan, latents=plan.latents.roll([2 * n for n in rolls], (-2, -1)))

        return generate(rolled, request, context).images[0].astype(int)

    still, moved = made((0, 0)), made(shift)
    assert np.abs(np.roll(still, [16 * n for n in shift], (0, 1)) - moved).max() <= 1
    assert np.abs(still - moved).mean() > 5


def test_the_saved_texture_makes_itself_again(engine: Engine, tmp_path: Path) -> None:
    result = engine.run(texture())
    paths = result.save(tmp_path)
    again = engine.run(load_request(paths[0], trust=True))
    assert np.array_equal(again.images[0], result.images[0])


@pytest.mark.slow
@pytest.mark.parametrize("method", SeamlessMethod)
def test_an_enlarged_texture_still_tiles(engine: Engine, method: SeamlessMethod) -> None:
    start = np.rint(tiling(Material.GRAVEL, 2, 128) * 255).astype(np.uint8)
    request = {"prompt": "gravel", "seed": 1, "scale": 4, "strength": 0.3, "num_inference_steps": 4}
    seamless = engine.run(Upscale(image=start, seamless="xy", seamless_method=method, **request)).images[0]
    plain = engine.run(Upscale(image=start, **request)).images[0]
    assert seamless.shape == (512, 512, 3)
    assert wrap_score(seamless) < wrap_score(plain)


def test_the_result_says_what_estimated_its_maps_and_the_rule_is_a_choice(engine: Engine) -> None:
    result, by_rule = (engine.run(texture(estimator=name)) for name in (None, "rule"))
    assert result.request.estimator == "builtin" and by_rule.request.estimator == "rule"
    assert not np.array_equal(result.maps["height"], by_rule.maps["height"])
    assert "from the estimator" in result.decisions["roughness_and_metallic"]


def test_a_folder_of_that_name_does_not_take_the_place_of_the_estimator(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "builtin").mkdir()
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(engine.run(texture(estimator="builtin")).maps["height"], engine.run(texture()).maps["height"])


def test_wishes_of_a_request_reach_the_maps(engine: Engine) -> None:
    plain, wished = (engine.run(texture(**fields)) for fields in ({}, {"relief": 0.0, "metallic": 0.5}))
    assert (wished.maps["metallic"] == 0.5).all() and (plain.maps["metallic"] == 0).all()
    assert wished.report["height_scale"] == 0 < plain.report["height_scale"]
    inverted, kept = (engine.run(texture(invert_height=way)).maps["height"] for way in (True, False))
    assert np.allclose(inverted, 1 - kept, atol=1e-6)


def test_what_version_0_1_0_wrote_without_a_checkpoint_means_the_rule() -> None:
    old = texture().to_json().replace('"format": 1, ', "")
    assert '"format"' not in old and from_json(old).estimator == "rule"
    assert from_json(texture().to_json()).estimator is None
