"""A checkpoint in one file, in the layout of the original Stable Diffusion code; diffusers converts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sd_core.devices import Placement
from sd_core.errors import ModelMismatch

from .clip_tokenizer import clip_tokenizer
from .files import read_json, read_shapes
from .libraries import pipeline_class, quiet_libraries
from .model import Family

_CONFIGS = Path(__file__).parent / "configs"
_UNET, _VAE = "model.diffusion_model.", "first_stage_model."
_FIRST_LAYER = f"{_UNET}input_blocks.0.0.weight"
# Prefixes of the text encoder that each family has and the others have not.
_ENCODERS = {
    Family.SDXL: "conditioner.embedders.1.model.",
    Family.SD2: "cond_stage_model.model.",
    Family.SD1: "cond_stage_model.transformer.",
}
_OPENCLIP_PAD = "!"
_LAST_NORM = f"{_UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
# Nothing in an SD 2 file says what it predicts, but this bias is spread wider in those that predict velocity;
# ComfyUI tells them apart by the same number.
_VELOCITY_SPREAD = 0.09
_VELOCITY_SIZE = 96


def load_single_file(path: Path, placement: Placement, *, configs: Path | None = None) -> Any:
    """The stock pipeline of a `.safetensors` (or, where pickles are allowed, `.ckpt`) file; needs no network.

    The family, the UNet's input channels and what it predicts are read from the file.

    Args:
        path: the file.
        placement: number formats.
        configs: folder with the parts' configurations in diffusers' layout; None: those of the published model.

    Raises:
        ModelMismatch: a damaged file, or one that holds no whole Stable Diffusion.
    """
    shapes = _shapes(path)
    family = _family(path, shapes)
    folder = configs or _CONFIGS / family
    channels = shapes[_FIRST_LAYER][1]
    cls = pipeline_class("StableDiffusionXLPipeline" if family is Family.SDXL else "StableDiffusionPipeline")
    velocity = _predicts_velocity(path, family, shapes)
    try:
        with quiet_libraries():
            return cls.from_single_file(
                str(path),
                config=str(folder),
                local_files_only=True,
                torch_dtype=placement.dtype,
                **_parts(path, folder, placement, family, channels, velocity=velocity),
            )
    except NotImplementedError as error:
        # diffusers leaves what the file does not hold without memory, and torch refuses to convert that.
        raise ModelMismatch(
            f"{path} lacks weights that every {family} model has", hint="get the file again, or use another one"
        ) from error


def _parts(
    path: Path, folder: Path, placement: Placement, family: Family, channels: int, *, velocity: bool
) -> dict[str, Any]:
    """The parts that differ from what diffusers would make: number formats, channels, prediction, tokenizers."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    common = {"config": str(folder), "local_files_only": True}
    size = {"sample_size": _VELOCITY_SIZE} if velocity and family is Family.SD2 else {}
    unet = UNet2DConditionModel.from_single_file(
        str(path), subfolder="unet", torch_dtype=placement.dtype, in_channels=channels, **size, **common
    )
    vae = AutoencoderKL.from_single_file(str(path), subfolder="vae", torch_dtype=placement.vae_dtype, **common)
    parts = {"unet": unet, "vae": vae, "scheduler": _scheduler(folder, family, velocity=velocity)}
    if family is Family.SDXL:
        return parts | {"tokenizer": clip_tokenizer(), "tokenizer_2": clip_tokenizer(_OPENCLIP_PAD)}
    tokenizer = clip_tokenizer(_OPENCLIP_PAD) if family is Family.SD2 else clip_tokenizer()
    return parts | {"tokenizer": tokenizer, "safety_checker": None}


def _scheduler(folder: Path, family: Family, *, velocity: bool) -> Any:
    import diffusers

    config = read_json(folder / "scheduler" / "scheduler_config.json")
    cls = getattr(diffusers, config["_class_name"])
    options: dict[str, Any] = {"prediction_type": "v_prediction"} if velocity else {}
    if velocity and family is Family.SDXL:
        # SDXL files that predict velocity were trained down to pure noise (Lin et al. 2023, arXiv:2305.08891).
        options |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return cls.from_config({**config, **options})


def _shapes(path: Path) -> Mapping[str, tuple[int, ...]]:
    if path.suffix == ".safetensors":
        return read_shapes(path)
    state = torch.load(path, map_location="meta", weights_only=False)
    state = state.get("state_dict", state)
    return {name: tuple(tensor.shape) for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def _family(path: Path, shapes: Mapping[str, Any]) -> Family:
    family = next((f for f, prefix in _ENCODERS.items() if any(name.startswith(prefix) for name in shapes)), None)
    if family is not None and _FIRST_LAYER in shapes and any(name.startswith(_VAE) for name in shapes):
        return family
    if any("lora" in name for name in shapes):
        raise ModelMismatch(f"{path} is a LoRA, no model", hint=f"use it with a model: loras=[Lora({str(path)!r})]")
    wanted = {"a UNet": _UNET, "an autoencoder": _VAE, "a text encoder": tuple(_ENCODERS.values())}
    missing = [part for part, prefix in wanted.items() if not any(name.startswith(prefix) for name in shapes)]
    lacks = " and ".join(missing) or "the parts of Stable Diffusion 1.x, 2.x or XL"
    raise ModelMismatch(f"{path} lacks {lacks}", hint="use a whole checkpoint of Stable Diffusion 1.x, 2.x or XL")


def _predicts_velocity(path: Path, family: Family, shapes: Mapping[str, Any]) -> bool:
    """By what the file says of itself, else by a weight that gives it away."""
    if "v_pred" in shapes:
        return True
    if path.suffix != ".safetensors":
        return False
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        stated = (file.metadata() or {}).get("modelspec.prediction_type")
        if stated is not None:
            return stated.startswith("v")
        if family is not Family.SD2 or _LAST_NORM not in shapes or shapes[_FIRST_LAYER][1] != 4:
            return False
        return float(file.get_tensor(_LAST_NORM).float().std(correction=0)) > _VELOCITY_SPREAD
