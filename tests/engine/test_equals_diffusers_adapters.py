"""LoRA files and IP-Adapters give diffusers' own latents, and leave the model as it was."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pytest
from diffusers import DiffusionPipeline
from PIL import Image

from sd_core import Control, ImagePrompt, ImageToImage, Lora, TextToImage
from sd_core.engine import Engine
from tests.conftest import Built
from tests.engine.pictures import bytes_picture, picture
from tests.engine.stock import (
    FIVE,
    HEIGHT,
    NEGATIVE,
    PROMPT,
    WIDTH,
    as_tensor,
    assert_same_latents,
    load_stock,
    pipeline_class,
    stock_latents,
    stock_scheduler,
)
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

SEED = 19
SETTINGS: dict[str, Any] = {"prompt": PROMPT, "num_inference_steps": 5, "guidance_scale": 6.0}
SIZE = {"height": HEIGHT, "width": WIDTH}
FAMILIES = [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL]


class Settings(TypedDict, total=False):
    """What a test changes in `SETTINGS`."""

    guidance_scale: float
    negative_prompt: str


def with_loras(pipeline: DiffusionPipeline, loras: dict[Path, float]) -> DiffusionPipeline:
    """The stock pipeline, told of several LoRAs and their weights as its documentation says."""
    names = [f"lora{index}" for index in range(len(loras))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config` attribute")
        for name, path in zip(names, loras, strict=True):
            pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)
    pipeline.set_adapters(names, list(loras.values()))
    return pipeline


def compare_loras(
    engine: Engine,
    tiny: Built,
    kind: TinyKind,
    loras: dict[Path, float],
    scheduler: str = "ddim",
    **settings: Unpack[Settings],
) -> None:
    folder = tiny(kind)
    call = SETTINGS | SIZE | dict(settings)
    pipeline = with_loras(load_stock(pipeline_class(kind), folder), loras)
    theirs = stock_latents(pipeline, stock_scheduler(folder, scheduler), seed=SEED, **call)
    parts = tuple(Lora(path=str(path), weight=weight) for path, weight in loras.items())
    ours = engine.run(TextToImage(model=str(folder), scheduler=scheduler, seed=SEED, loras=parts, **call))
    assert_same_latents(ours.latents, theirs)


@pytest.mark.parametrize("layout", LoraFormat)
@pytest.mark.parametrize("kind", FAMILIES)
def test_a_lora_of_either_format(engine: Engine, tiny: Built, lora: Built, kind: TinyKind, layout: LoraFormat) -> None:
    compare_loras(engine, tiny, kind, {lora(kind, layout): 0.8}, negative_prompt=NEGATIVE)


@pytest.mark.parametrize("scheduler", FIVE)
def test_a_lora_with_any_scheduler(engine: Engine, tiny: Built, lora: Built, scheduler: str) -> None:
    compare_loras(engine, tiny, TinyKind.SD1, {lora(TinyKind.SD1, LoraFormat.DIFFUSERS): 1.0}, scheduler)


@pytest.mark.parametrize("weight", [-0.5, 0.0, 0.3, 1.5])
def test_weights(engine: Engine, tiny: Built, lora: Built, weight: float) -> None:
    compare_loras(engine, tiny, TinyKind.SD1, {lora(TinyKind.SD1, LoraFormat.KOHYA): weight}, guidance_scale=1.0)


@pytest.mark.parametrize("kind", FAMILIES)
def test_several_loras(engine: Engine, tiny: Built, lora: Built, kind: TinyKind) -> None:
    files = {lora(kind, LoraFormat.DIFFUSERS, 3): 0.6, lora(kind, LoraFormat.KOHYA, 8): -0.4}
    compare_loras(engine, tiny, kind, files)


def test_a_lora_in_image_to_image_with_a_controlnet(
    engine: Engine, tiny: Built, lora: Built, controlnet: Built
) -> None:
    folder, net = tiny(TinyKind.SD1), controlnet(TinyKind.SD1)
    file = lora(TinyKind.SD1, LoraFormat.DIFFUSERS)
    image, hint = picture(HEIGHT, WIDTH, seed=1), picture(HEIGHT, WIDTH, seed=2)
    pipeline = with_loras(load_stock(pipeline_class(TinyKind.SD1, "ControlNetImg2Img"), folder, (net,)), {file: 0.5})
    theirs = stock_latents(
        pipeline,
        stock_scheduler(folder, "euler"),
        seed=SEED,
        image=as_tensor(image),
        control_image=as_tensor(hint),
        controlnet_conditioning_scale=1.0,
        strength=0.6,
        **SETTINGS,
    )
    request = ImageToImage(
        model=str(folder),
        scheduler="euler",
        seed=SEED,
        image=image,
        strength=0.6,
        controls=(Control(kind="depth", image=hint, model=str(net)),),
        loras=(Lora(path=str(file), weight=0.5),),
        **SETTINGS,
    )
    assert_same_latents(engine.run(request).latents, theirs)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_lora_leaves_nothing_behind(engine: Engine, tiny: Built, lora: Built, kind: TinyKind) -> None:
    plain = TextToImage(model=str(tiny(kind)), seed=SEED, **SETTINGS, **SIZE)
    before = engine.run(plain).latents
    for layout in LoraFormat:
        adapted = engine.run(TextToImage(
            model=str(tiny(kind)), seed=SEED, loras=(Lora(path=str(lora(kind, layout))),), **SETTINGS, **SIZE
        ))  # fmt: skip
        assert np.abs(adapted.latents - before).max() > 0.1
    assert np.array_equal(engine.run(plain).latents, before)


@pytest.mark.parametrize("guidance_scale", [1.0, 6.0])
@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL])
def test_an_image_prompt(engine: Engine, tiny: Built, ip_adapter: Built, kind: TinyKind, guidance_scale: float) -> None:
    folder, adapter = tiny(kind), ip_adapter(kind)
    prompt_image = bytes_picture(48, 40, seed=4)
    call = SETTINGS | SIZE | {"guidance_scale": guidance_scale}
    pipeline = load_stock(pipeline_class(kind), folder)
    weights = next(adapter.glob("*/*.safetensors"))
    pipeline.load_ip_adapter(
        str(adapter), subfolder=weights.parent.name, weight_name=weights.name, local_files_only=True
    )
    pipeline.set_ip_adapter_scale(0.7)
    theirs = stock_latents(
        pipeline,
        stock_scheduler(folder, "ddim"),
        seed=SEED,
        ip_adapter_image=Image.fromarray(prompt_image),
        **call,
    )
    image_prompt = ImagePrompt(image=prompt_image, scale=0.7, model=str(adapter))
    plain = TextToImage(model=str(folder), scheduler="ddim", seed=SEED, **call)
    before = engine.run(plain).latents
    request = TextToImage(model=str(folder), scheduler="ddim", seed=SEED, image_prompt=image_prompt, **call)
    assert_same_latents(engine.run(request).latents, theirs)
    assert np.array_equal(engine.run(plain).latents, before)
