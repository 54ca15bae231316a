"""Maps by a network: diffusers' Marigold pipelines with random weights, whose answers tile and are read rightly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from sd_core.devices import choose_placement
from sd_core.engine import Engine
from sd_core.errors import ModelMismatch
from sd_core.requests import Texture, TextureMap
from sd_core.texture import Estimate, find_estimator, load_estimator, make_material
from sd_core.texture.estimate import predict, read_prediction
from sd_core.texture.relief import encode_normals, normals_from_height
from sd_core.training.data.materials import Material
from tests.conftest import Built
from tests.texture.samples import bump, tiling
from tests.tiny import TinyKind

TARGETS = {
    "target_names": ["albedo", "material"],
    "albedo": {"prediction_space": "srgb"},
    "material": {"prediction_space": "linear", "sub_target_names": ["roughness", "metallicity", None]},
}


@pytest.fixture(scope="module")
def marigold(tiny: Built, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`marigold("Normals")`: the folder of a tiny pipeline of that kind."""

    def build(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        base = diffusers.StableDiffusionPipeline.from_pretrained(tiny(TinyKind.SD1), safety_checker=None)
        targets = 2 if kind == "Intrinsics" else 1
        config = dict(base.unet.config) | {"in_channels": 4 + 4 * targets, "out_channels": 4 * targets}
        torch.manual_seed(0)
        options: dict[str, Any] = {"default_denoising_steps": 2, "default_processing_resolution": 0}
        if kind == "Depth":
            options["prediction_type"] = "depth"
        if kind == "Intrinsics":
            options["target_properties"] = TARGETS
        pipeline = getattr(diffusers, f"Marigold{kind}Pipeline")(
            unet=diffusers.UNet2DConditionModel.from_config(config),
            vae=base.vae,
            scheduler=diffusers.DDIMScheduler(prediction_type="v_prediction"),
            text_encoder=base.text_encoder,
            tokenizer=base.tokenizer,
            **options,
        )
        pipeline.save_pretrained(folder)
        return folder

    return build


@pytest.mark.parametrize("kind", ["Normals", "Depth"])
def test_a_rolled_picture_gives_a_rolled_prediction(marigold: Any, kind: str) -> None:
    pipeline = getattr(diffusers, f"Marigold{kind}Pipeline").from_pretrained(marigold(kind))
    pipeline.set_progress_bar_config(disable=True)
    picture = tiling(Material.COBBLESTONE, 1)
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    one = predict(pipeline, picture, latents=latents)
    other = predict(pipeline, np.roll(picture, (32, 64), (0, 1)), latents=latents.roll((4, 8), (-2, -1)))
    assert np.abs(np.roll(one, (32, 64), (1, 2)) - other).max() < 1e-4 * max(np.abs(one).max(), 1)


@pytest.mark.parametrize("kind", ["Normals", "Depth", "Intrinsics"])
def test_every_kind_gives_a_whole_material(marigold: Any, kind: str) -> None:
    estimator = load_estimator(find_estimator(str(marigold(kind))), choose_placement("cpu", "float32"), seed=3)
    picture = tiling(Material.COBBLESTONE, 1)
    maps = make_material(picture, estimator=estimator).maps
    plain = make_material(picture).maps
    changed = {name for name in maps if np.abs(maps[name] - plain[name]).mean() > 1e-3}
    assert (
        changed
        >= {
            "Normals": {TextureMap.NORMAL, TextureMap.HEIGHT},
            "Depth": {TextureMap.NORMAL, TextureMap.HEIGHT},
            "Intrinsics": {TextureMap.BASE_COLOR, TextureMap.ROUGHNESS, TextureMap.METALLIC},
        }[kind]
    )
    again = make_material(picture, estimator=estimator).maps
    assert all(np.array_equal(maps[name], again[name]) for name in maps)


def test_estimated_normals_are_kept_and_the_height_follows_them() -> None:
    normals = normals_from_height(bump(), 9.0)
    grey = np.full((64, 64, 3), 0.5, np.float32)
    material = make_material(grey, estimator=lambda _: Estimate(normals=normals))
    assert np.allclose(material.maps[TextureMap.NORMAL], encode_normals(normals), atol=1e-6)
    assert np.abs(material.maps[TextureMap.HEIGHT] - bump()).max() < 0.02
    assert material.height_scale * 64 == pytest.approx(9.0, rel=0.02)


def test_what_is_near_in_depth_is_high() -> None:
    class MarigoldDepthPipeline:
        """Only the name matters."""

    estimate = read_prediction(MarigoldDepthPipeline(), 1 - bump()[None, ..., None])
    height = make_material(np.full((64, 64, 3), 0.5, np.float32), estimator=lambda _: estimate).maps[TextureMap.HEIGHT]
    assert height[32, 32] > 0.95 and height[0, 0] < 0.2


def test_a_checkpoint_of_another_kind_is_refused(tiny: Built) -> None:
    with pytest.raises(ModelMismatch, match="no estimator of maps but a StableDiffusionPipeline"):
        find_estimator(str(tiny(TinyKind.SD1)))


def test_a_checkpoint_that_cannot_be_used_is_refused_before_the_first_step(tiny: Built) -> None:
    with Engine(model=str(tiny(TinyKind.SD1)), device="cpu") as engine:
        job = engine.submit(Texture(prompt="", width=64, height=64, estimator=str(tiny(TinyKind.SD1))))
        kinds = [event.kind for event in job.events()]
    assert kinds[-1] == "failed" and "step" not in kinds
