"""T2I-Adapters, one or two, over all steps or some, give diffusers' own latents, and add up beside ControlNets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import DiffusionPipeline, MultiAdapter, T2IAdapter
from PIL import Image

from sd_core import Control, DepthToImage, Engine, ImageToImage, RequestError, TextToImage, Upscale
from sd_core.passes import depth_control
from tests.conftest import Built
from tests.engine.pictures import bytes_picture, depth, picture
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

SEED = 23
HINT, OTHER_HINT = picture(HEIGHT, WIDTH, seed=6), picture(HEIGHT, WIDTH, seed=7)
SETTINGS: dict[str, Any] = {
    "prompt": PROMPT,
    "negative_prompt": NEGATIVE,
    "num_inference_steps": 6,
    "guidance_scale": 6.0,
}
FAMILIES = [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL]


def stock_with(tiny: Built, kind: TinyKind, *adapters: Path) -> DiffusionPipeline:
    nets = [T2IAdapter.from_pretrained(folder, local_files_only=True) for folder in adapters]
    adapter = nets[0] if len(nets) == 1 else MultiAdapter(nets)
    return load_stock(pipeline_class(kind, "Adapter"), tiny(kind), adapter=adapter)


def control(folder: Path, hint: np.ndarray = HINT, **fields: float) -> Control:
    return Control(kind="depth", image=hint, model=str(folder), **fields)


def latents(engine: Engine, model: Path, *controls: Control, **fields: Any) -> np.ndarray:
    size = {} if controls else {"height": HEIGHT, "width": WIDTH}
    given: dict[str, Any] = SETTINGS | size | {"scheduler": "ddim", "seed": SEED, "model": str(model)} | fields
    made = engine.run(TextToImage(controls=controls, **given)).latents
    assert made is not None
    return made


@pytest.mark.parametrize("scheduler", FIVE)
@pytest.mark.parametrize("kind", FAMILIES)
def test_text_to_image(engine: Engine, tiny: Built, t2i_adapter: Built, kind: TinyKind, scheduler: str) -> None:
    pipeline = stock_with(tiny, kind, t2i_adapter(kind))
    call = SETTINGS | {"image": as_tensor(HINT), "adapter_conditioning_scale": 0.8}
    theirs = stock_latents(pipeline, stock_scheduler(tiny(kind), scheduler), seed=SEED, **call)
    assert_same_latents(latents(engine, tiny(kind), control(t2i_adapter(kind), scale=0.8), scheduler=scheduler), theirs)
    assert np.abs(theirs - latents(engine, tiny(kind), scheduler=scheduler)).max() > 0.01


def test_unguided(engine: Engine, tiny: Built, t2i_adapter: Built) -> None:
    net = t2i_adapter(TinyKind.SD1)
    call = SETTINGS | {"image": as_tensor(HINT), "guidance_scale": 1.0}
    pipeline = stock_with(tiny, TinyKind.SD1, net)
    theirs = stock_latents(pipeline, stock_scheduler(tiny(TinyKind.SD1), "ddim"), seed=SEED, **call)
    assert_same_latents(latents(engine, tiny(TinyKind.SD1), control(net), guidance_scale=1.0), theirs)


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL])
def test_two_at_once(engine: Engine, tiny: Built, t2i_adapter: Built, kind: TinyKind) -> None:
    nets = t2i_adapter(kind), t2i_adapter(kind, seed=9)
    call = SETTINGS | {"image": [as_tensor(HINT), as_tensor(OTHER_HINT)], "adapter_conditioning_scale": [0.5, 1.2]}
    theirs = stock_latents(stock_with(tiny, kind, *nets), stock_scheduler(tiny(kind), "ddim"), seed=SEED, **call)
    controls = control(nets[0], scale=0.5), control(nets[1], OTHER_HINT, scale=1.2)
    assert_same_latents(latents(engine, tiny(kind), *controls), theirs)


@pytest.mark.parametrize("end", [0.5, 0.67, 0.99])
def test_the_first_steps_alone(engine: Engine, tiny: Built, t2i_adapter: Built, end: float) -> None:
    """Only the pipeline for SDXL knows of steps without its adapter."""
    net = t2i_adapter(TinyKind.SDXL)
    call = SETTINGS | {"image": as_tensor(HINT), "adapter_conditioning_factor": end}
    pipeline = stock_with(tiny, TinyKind.SDXL, net)
    theirs = stock_latents(pipeline, stock_scheduler(tiny(TinyKind.SDXL), "ddim"), seed=SEED, **call)
    assert_same_latents(latents(engine, tiny(TinyKind.SDXL), control(net, end=end)), theirs)


def test_an_adapter_that_reads_grey_pictures(engine: Engine, tiny: Built, t2i_adapter: Built) -> None:
    """diffusers' documentation has colours turned to grey by Pillow, which rounds to 8 bit: so does the picture here."""
    net, colours = t2i_adapter(TinyKind.SD1, grey=True), bytes_picture(HEIGHT, WIDTH, seed=6)
    grey = np.asarray(Image.fromarray(colours).convert("L"))
    call = SETTINGS | {"image": as_tensor(grey / np.float32(255))}
    pipeline = stock_with(tiny, TinyKind.SD1, net)
    theirs = stock_latents(pipeline, stock_scheduler(tiny(TinyKind.SD1), "ddim"), seed=SEED, **call)
    assert_same_latents(latents(engine, tiny(TinyKind.SD1), control(net, grey[..., None].repeat(3, 2))), theirs)
    ours = latents(engine, tiny(TinyKind.SD1), control(net, colours))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.02)


def test_weights_of_one_adapter_add_up_next_to_a_controlnet(
    engine: Engine, tiny: Built, t2i_adapter: Built, controlnet: Built
) -> None:
    model, adapter = tiny(TinyKind.SD1), t2i_adapter(TinyKind.SD1)
    net = control(controlnet(TinyKind.SD1), OTHER_HINT)
    whole = latents(engine, model, control(adapter, scale=0.8), net)
    parts = latents(engine, model, control(adapter, scale=0.3), net, control(adapter, scale=0.5))
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-4)
    for others in ((control(adapter, scale=0.8),), (net,)):
        assert np.abs(latents(engine, model, *others) - whole).max() > 0.01


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.01), (0.99, 1.0)])
def test_no_step_inside_its_range_is_no_adapter(
    engine: Engine, tiny: Built, t2i_adapter: Built, start: float, end: float
) -> None:
    idle = control(t2i_adapter(TinyKind.SD1), start=start, end=end)
    plain = latents(engine, tiny(TinyKind.SD1))
    assert np.array_equal(latents(engine, tiny(TinyKind.SD1), idle), plain)


def test_depth_to_image_takes_one_in_place_of_a_controlnet(engine: Engine, tiny: Built, t2i_adapter: Built) -> None:
    model, net, distance = tiny(TinyKind.SD1), t2i_adapter(TinyKind.SD1), depth(HEIGHT, WIDTH)
    by_control = latents(engine, model, control(net, depth_control(distance, None), scale=0.7))
    request = DepthToImage(
        depth=distance, controlnet=str(net), controlnet_conditioning_scale=0.7, model=str(model), seed=SEED,
        scheduler="ddim", **SETTINGS,
    )  # fmt: skip
    assert np.array_equal(engine.run(request).latents, by_control)


def test_every_tile_sees_its_own_part_of_the_control_picture(engine: Engine, tiny: Built, t2i_adapter: Built) -> None:
    image, hint = bytes_picture(64, 64), picture(128, 128, seed=3)
    request: dict[str, Any] = SETTINGS | {"seed": SEED, "scheduler": "ddim", "num_inference_steps": 2}
    one, other = (
        engine.run(
            Upscale(
                image=image,
                scale=2,
                strength=0.5,
                controls=(control(t2i_adapter(TinyKind.SD1), seen),),
                model=str(tiny(TinyKind.SD1)),
                **request,
            )
        ).latents
        for seen in (hint, np.concatenate([hint[:96], 1 - hint[96:]]))
    )
    assert one is not None and other is not None
    # A tile is 8 cells high: the last one begins in row 8, and it alone sees what was changed.
    assert np.array_equal(one[..., :8, :], other[..., :8, :])
    assert np.abs(one - other)[..., 10:, :].min() > 0


def test_a_size_that_an_adapter_cannot_cut_is_refused_with_sizes_that_it_can(
    engine: Engine, tiny: Built, t2i_adapter: Built
) -> None:
    hint = control(t2i_adapter(TinyKind.SDXL), picture(64, 72))
    request = ImageToImage(image=bytes_picture(64, 72), controls=(hint,), model=str(tiny(TinyKind.SDXL)), **SETTINGS)
    with pytest.raises(RequestError, match=r"width: must be a multiple of 16 .* got 72; use 64 or 80"):
        engine.run(request)
