"""What holds for every request: seeds, repetition, files, defaults, equal ways of saying the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core import (
    Control,
    DepthToImage,
    Engine,
    ImageToImage,
    Inpaint,
    Lora,
    Request,
    TextToImage,
    Upscale,
    load_request,
    replace,
)
from sd_core.passes import depth_control
from tests.conftest import Built
from tests.engine.pictures import bytes_picture, depth, mask, picture
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

SIDE = 64
COMMON: dict[str, Any] = {
    "prompt": "a red brick wall",
    "num_inference_steps": 4,
    "seed": 5,
    "scheduler": "euler_ancestral",
}
KINDS = ("TextToImage", "ImageToImage", "DepthToImage", "Inpaint", "Upscale")


@pytest.fixture
def request_of_kind(request: pytest.FixtureRequest, tiny: Built, controlnet: Built) -> Request:
    """The request named by the test's parameter; a stochastic scheduler, so that every draw counts."""
    common = COMMON | {"model": str(tiny(TinyKind.SD1))}
    image = bytes_picture(SIDE, SIDE)
    match request.param:
        case "TextToImage":
            return TextToImage(width=SIDE, height=SIDE, **common)
        case "ImageToImage":
            return ImageToImage(image=image, **common)
        case "DepthToImage":
            net = str(controlnet(TinyKind.SD1))
            return DepthToImage(depth=depth(SIDE, SIDE), controlnet=net, image=image, strength=0.5, **common)
        case "Inpaint":
            return Inpaint(image=image, mask=mask(SIDE, SIDE), **common)
        case _:
            return Upscale(image=image, **common)


every_kind = pytest.mark.parametrize("request_of_kind", KINDS, indirect=True)


@every_kind
def test_image_i_is_the_image_of_seed_plus_i(engine: Engine, request_of_kind: TextToImage) -> None:
    together = engine.run(replace(request_of_kind, num_images=4))
    assert together.latents is not None and len(together.images) == len(together.latents) == 4
    for index in range(4):
        alone = engine.run(replace(request_of_kind, seed=5 + index))
        assert np.array_equal(alone.images[0], together.images[index])
        assert alone.latents is not None and np.array_equal(alone.latents[0], together.latents[index])


@every_kind
def test_the_same_request_gives_the_same_bytes(engine: Engine, request_of_kind: TextToImage) -> None:
    first, second = engine.run(request_of_kind), engine.run(request_of_kind)
    assert np.array_equal(first.images[0], second.images[0])
    assert same_latents(first, second)
    other = engine.run(replace(request_of_kind, seed=6))
    assert not np.array_equal(first.images[0], other.images[0])


@every_kind
def test_a_saved_picture_run_again_is_the_same_file(
    engine: Engine, request_of_kind: TextToImage, tmp_path: Path
) -> None:
    open_request = replace(request_of_kind, seed=None, scheduler=None, guidance_scale=None)
    first = engine.run(open_request).save(tmp_path / "first.png")[0]
    second = engine.run(load_request(first, trust=True)).save(tmp_path / "second.png")[0]
    assert second.read_bytes() == first.read_bytes()


def test_one_picture_of_several_run_again_is_the_same_file(engine: Engine, tiny: Built, tmp_path: Path) -> None:
    image = bytes_picture(SIDE, SIDE)
    request = ImageToImage(image=image, num_images=3, **COMMON, model=str(tiny(TinyKind.SD1)))
    paths = engine.run(request).save(tmp_path / "set.png")
    again = engine.run(load_request(paths[2], trust=True)).save(tmp_path / "again.png")
    assert paths[2].name == "set-2.png"
    assert again[0].read_bytes() == paths[2].read_bytes()


def test_another_engine_gives_the_same_bytes(engine: Engine, tiny: Built) -> None:
    request = TextToImage(width=SIDE, height=SIDE, **COMMON)
    with Engine(model=str(tiny(TinyKind.SD1)), device="cpu", dtype="float32") as other:
        theirs = other.run(request)
    ours = engine.run(replace(request, model=str(tiny(TinyKind.SD1))))
    assert np.array_equal(ours.images[0], theirs.images[0])
    assert theirs.latents is None


def test_every_open_field_is_filled_in(engine: Engine, tiny: Built) -> None:
    result = engine.run(TextToImage(prompt="wall", num_inference_steps=1, model=str(tiny(TinyKind.SD1))))
    filled = result.request
    assert isinstance(filled, TextToImage)
    assert None not in (filled.width, filled.height, filled.guidance_scale, filled.seed, filled.scheduler, filled.model)
    assert result.images[0].shape == (filled.height, filled.width, 3)


def test_two_runs_without_a_seed_differ(engine: Engine, tiny: Built) -> None:
    request = TextToImage(prompt="wall", num_inference_steps=1, model=str(tiny(TinyKind.SD1)))
    assert engine.run(request).request != engine.run(request).request


@pytest.mark.parametrize("near_far", [None, (2.5, 8.0)])
def test_depth_to_image_is_text_to_image_with_a_depth_control(
    engine: Engine, tiny: Built, controlnet: Built, near_far: tuple[float, float] | None
) -> None:
    model, net = str(tiny(TinyKind.SD1)), str(controlnet(TinyKind.SD1))
    distance = depth(SIDE, SIDE)
    control = Control(kind="depth", image=depth_control(distance, near_far), model=net, scale=0.7)
    by_depth = DepthToImage(
        depth=distance, depth_range=near_far, controlnet=net, controlnet_conditioning_scale=0.7, model=model, **COMMON
    )
    by_control = TextToImage(width=SIDE, height=SIDE, controls=(control,), model=model, **COMMON)
    assert same_latents(engine.run(by_depth), engine.run(by_control))


def test_depth_to_image_with_a_picture_is_image_to_image_with_a_depth_control(
    engine: Engine, tiny: Built, controlnet: Built
) -> None:
    model, net = str(tiny(TinyKind.SD1)), str(controlnet(TinyKind.SD1))
    distance, image = depth(SIDE, SIDE), picture(SIDE, SIDE)
    control = Control(kind="depth", image=depth_control(distance, None), model=net)
    by_depth = DepthToImage(depth=distance, controlnet=net, image=image, strength=0.6, model=model, **COMMON)
    by_control = ImageToImage(image=image, strength=0.6, controls=(control,), model=model, **COMMON)
    assert same_latents(engine.run(by_depth), engine.run(by_control))


def test_the_range_that_was_found_is_recorded_and_gives_the_same(
    engine: Engine, tiny: Built, controlnet: Built
) -> None:
    distance, net = depth(SIDE, SIDE), str(controlnet(TinyKind.SD1))
    request = DepthToImage(depth=distance, controlnet=net, model=str(tiny(TinyKind.SD1)), **COMMON)
    found = engine.run(request)
    filled = found.request
    assert isinstance(filled, DepthToImage)
    finite = distance[np.isfinite(distance)]
    assert filled.depth_range == pytest.approx((finite.min(), finite.max()))
    assert same_latents(found, engine.run(replace(request, depth_range=filled.depth_range)))


def test_a_control_that_never_acts_changes_nothing(engine: Engine, tiny: Built, controlnet: Built) -> None:
    plain = TextToImage(width=SIDE, height=SIDE, model=str(tiny(TinyKind.SD1)), **COMMON)
    idle = Control(kind="depth", image=picture(SIDE, SIDE), model=str(controlnet(TinyKind.SD1)), scale=0.0)
    acting = replace(idle, scale=1.0)
    before = engine.run(plain)
    assert same_latents(engine.run(replace(plain, controls=(idle,))), before)
    assert not same_latents(engine.run(replace(plain, controls=(acting,))), before)


@pytest.mark.parametrize("asked", [("x", "padding"), ("y", "padding"), ("xy", "padding"), ("xy", "rolling")])
def test_seamless_leaves_nothing_behind(
    engine: Engine, tiny: Built, controlnet: Built, t2i_adapter: Built, lora: Built, asked: tuple[str, str]
) -> None:
    """Also where LoRA layers lie over the convolutions, and a ControlNet and a T2I-Adapter beside them."""
    folders = controlnet(TinyKind.SD1), t2i_adapter(TinyKind.SD1)
    controls = tuple(Control(kind="depth", image=picture(SIDE, SIDE), model=str(folder)) for folder in folders)
    plain = TextToImage(width=SIDE, height=SIDE, model=str(tiny(TinyKind.SD1)), controls=controls, **COMMON)
    adapted = replace(plain, loras=(Lora(path=str(lora(TinyKind.SD1, LoraFormat.KOHYA)), weight=0.5),))
    for request in (plain, adapted):
        before = engine.run(request)
        wrapped = engine.run(replace(request, seamless=asked[0], seamless_method=asked[1]))
        after = engine.run(request)
        assert not same_latents(wrapped, before)
        assert same_latents(after, before)
        assert np.array_equal(after.images[0], before.images[0])


def same_latents(one: Any, other: Any) -> bool:
    """Whether two results kept the same latents, to the bit."""
    assert one.latents is not None and other.latents is not None
    return np.array_equal(one.latents, other.latents)
