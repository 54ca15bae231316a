"""ControlNets, one or two, over all steps or some, give diffusers' own latents from noise and from a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sd_core import Control, DepthToImage, ImageToImage, TextToImage
from sd_core.engine import Engine
from sd_core.passes import depth_control
from tests.conftest import Built
from tests.engine.pictures import depth, picture
from tests.engine.stock import (
    HEIGHT,
    NEGATIVE,
    PROMPT,
    SEVEN,
    WIDTH,
    as_tensor,
    assert_same_latents,
    pipeline_class,
    stock,
    stock_latents,
    stock_scheduler,
)
from tests.tiny import TinyKind

SEED = 17
IMAGE = picture(HEIGHT, WIDTH, seed=5)
FAMILIES = [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL]


@dataclass(frozen=True, slots=True)
class Net:
    """One ControlNet, as both sides are told of it."""

    folder: Path
    seed: int = 6
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def control(self) -> Control:
        return Control(
            kind="depth",
            image=picture(HEIGHT, WIDTH, seed=self.seed),
            model=str(self.folder),
            scale=self.scale,
            start=self.start,
            end=self.end,
        )


def stock_controls(nets: Sequence[Net], name: str) -> dict[str, Any]:
    """diffusers takes single values for one ControlNet and lists for several."""
    values = {
        name: [as_tensor(picture(HEIGHT, WIDTH, seed=net.seed)) for net in nets],
        "controlnet_conditioning_scale": [net.scale for net in nets],
        "control_guidance_start": [net.start for net in nets],
        "control_guidance_end": [net.end for net in nets],
    }
    return values if len(nets) > 1 else {key: value[0] for key, value in values.items()}


def compare_text(
    engine: Engine, tiny: Built, kind: TinyKind, scheduler: str, nets: Sequence[Net], *, guidance_scale: float = 6.0
) -> None:
    folder = tiny(kind)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "guidance_scale": guidance_scale,
        "num_inference_steps": 6,
    }
    theirs = stock_latents(
        stock(pipeline_class(kind, "ControlNet"), folder, tuple(net.folder for net in nets)),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        **settings,
        **stock_controls(nets, "image"),
    )
    controls = tuple(net.control() for net in nets)
    ours = engine.run(TextToImage(model=str(folder), scheduler=scheduler, seed=SEED, controls=controls, **settings))
    assert_same_latents(ours.latents, theirs)


def compare_image(
    engine: Engine, tiny: Built, kind: TinyKind, scheduler: str, nets: Sequence[Net], *, guidance_scale: float = 6.0
) -> None:
    folder = tiny(kind)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "guidance_scale": guidance_scale,
        "num_inference_steps": 8,
        "strength": 0.7,
    }
    theirs = stock_latents(
        stock(pipeline_class(kind, "ControlNetImg2Img"), folder, tuple(net.folder for net in nets)),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        image=as_tensor(IMAGE),
        **settings,
        **stock_controls(nets, "control_image"),
    )
    controls = tuple(net.control() for net in nets)
    request = ImageToImage(
        model=str(folder), scheduler=scheduler, seed=SEED, controls=controls, image=IMAGE, **settings
    )
    assert_same_latents(engine.run(request).latents, theirs)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", FAMILIES)
def test_text_to_image(engine: Engine, tiny: Built, controlnet: Built, kind: TinyKind, scheduler: str) -> None:
    compare_text(engine, tiny, kind, scheduler, [Net(controlnet(kind), scale=0.8)])


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", FAMILIES)
def test_image_to_image(engine: Engine, tiny: Built, controlnet: Built, kind: TinyKind, scheduler: str) -> None:
    compare_image(engine, tiny, kind, scheduler, [Net(controlnet(kind), scale=0.8)])


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL])
def test_unguided(engine: Engine, tiny: Built, controlnet: Built, kind: TinyKind) -> None:
    compare_text(engine, tiny, kind, "euler", [Net(controlnet(kind))], guidance_scale=1.0)
    compare_image(engine, tiny, kind, "ddim", [Net(controlnet(kind))], guidance_scale=1.0)


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (0.34, 1.0), (0.2, 0.8), (0.5, 0.51)])
@pytest.mark.parametrize("scheduler", ["ddim", "heun"])
def test_some_of_the_steps(
    engine: Engine, tiny: Built, controlnet: Built, scheduler: str, start: float, end: float
) -> None:
    nets = [Net(controlnet(TinyKind.SD1), start=start, end=end)]
    compare_text(engine, tiny, TinyKind.SD1, scheduler, nets)
    compare_image(engine, tiny, TinyKind.SD1, scheduler, nets)


@pytest.mark.parametrize("kind", FAMILIES)
def test_two_at_once(engine: Engine, tiny: Built, controlnet: Built, kind: TinyKind) -> None:
    nets = [
        Net(controlnet(kind), seed=6, scale=0.5, end=0.7),
        Net(controlnet(kind, 9), seed=7, scale=1.2, start=0.3),
    ]
    compare_text(engine, tiny, kind, "euler_ancestral", nets)
    compare_image(engine, tiny, kind, "dpmpp_2m", nets)


def test_depth_to_image_is_the_depth_controlnet(engine: Engine, tiny: Built, controlnet: Built) -> None:
    folder, net = tiny(TinyKind.SD1), controlnet(TinyKind.SD1)
    distance = depth(HEIGHT, WIDTH)
    settings = {"prompt": PROMPT, "guidance_scale": 6.0, "num_inference_steps": 6}
    hint = depth_control(distance, (2.5, 8.0))
    theirs = stock_latents(
        stock(pipeline_class(TinyKind.SD1, "ControlNet"), folder, (net,)),
        stock_scheduler(folder, "ddim"),
        seed=SEED,
        image=as_tensor(hint).expand(-1, 3, -1, -1),
        controlnet_conditioning_scale=0.7,
        **settings,
    )
    request = DepthToImage(
        model=str(folder),
        scheduler="ddim",
        seed=SEED,
        depth=distance,
        depth_range=(2.5, 8.0),
        controlnet=str(net),
        controlnet_conditioning_scale=0.7,
        **settings,
    )
    assert_same_latents(engine.run(request).latents, theirs)
