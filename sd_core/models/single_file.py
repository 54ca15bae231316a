"""A checkpoint in one file, in the layout of the original Stable Diffusion code; diffusers converts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sd_core.devices import Placement
from sd_core.errors import ModelMismatch

from .clip_tokenizer import clip_tokenizer
from .configurations import read_json
from .libraries import pipeline_class, quiet_libraries
from .model import Family
from .tensors import Weights, read_weights

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


def load_single_file(
    path: Path, placement: Placement, *, configs: Path | None = None, allow_pickle: bool | None = None
) -> Any:
    """The stock pipeline of a safetensors file, or of a pickle where they are allowed; needs no network.

    The format, the family, the UNet's input channels and what it predicts are read from the file. diffusers is given the
    tensors, not the file: it would go by the suffix.

    Args:
        path: the file.
        placement: number formats.
        configs: folder with the parts' configurations in diffusers' layout; None: those of the published model.
        allow_pickle: also read the weights in a pickle; None: if the environment says so.

    Raises:
        ModelMismatch: a damaged file, a pickle, or a file that holds no whole Stable Diffusion.
    """
    weights = read_weights(path, allow_pickle=allow_pickle)
    family = _family(path, weights.shapes)
    folder = configs or _CONFIGS / family
    cls = pipeline_class("StableDiffusionXLPipeline" if family is Family.SDXL else "StableDiffusionPipeline")
    try:
        with quiet_libraries():
            # Every part is given, so that this reads `model_index.json` and nothing else of the folder.
            return cls.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, **_parts(weights, folder, placement, family)
            )
    except NotImplementedError as error:
        # diffusers leaves what the file does not hold without memory, and torch refuses to convert that.
        raise ModelMismatch(
            f"{path} lacks weights that every {family} model has", hint="get the file again, or use another one"
        ) from error


def _parts(weights: Weights, folder: Path, placement: Placement, family: Family) -> dict[str, Any]:
    """All parts of the pipeline."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    velocity = _predicts_velocity(weights, family)
    common = {"config": str(folder), "local_files_only": True}
    size = {"sample_size": _VELOCITY_SIZE} if velocity and family is Family.SD2 else {}
    channels = weights.shapes[_FIRST_LAYER][1]
    # Copies of the dictionary: the conversions may take out what they have used.
    unet = UNet2DConditionModel.from_single_file(
        dict(weights.tensors), subfolder="unet", torch_dtype=placement.dtype, in_channels=channels, **size, **common
    )
    vae = AutoencoderKL.from_single_file(
        dict(weights.tensors), subfolder="vae", torch_dtype=placement.vae_dtype, **common
    )
    parts = {"unet": unet, "vae": vae, "scheduler": _scheduler(folder, family, velocity=velocity)}
    parts |= {
        "feature_extractor": None,
        "image_encoder": None,
        "text_encoder": _text_encoder(weights, folder, placement),
    }
    if family is Family.SDXL:
        second = _text_encoder(weights, folder, placement, "text_encoder_2")
        parts |= {"text_encoder_2": second, "tokenizer_2": clip_tokenizer(_OPENCLIP_PAD)}
        return parts | {"tokenizer": clip_tokenizer()}
    tokenizer = clip_tokenizer(_OPENCLIP_PAD) if family is Family.SD2 else clip_tokenizer()
    return parts | {"tokenizer": tokenizer, "safety_checker": None}


def _text_encoder(weights: Weights, folder: Path, placement: Placement, part: str = "text_encoder") -> Any:
    """What diffusers' own loading of single files calls for this part."""
    import transformers
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm

    name = "CLIPTextModelWithProjection" if part == "text_encoder_2" else "CLIPTextModel"
    return create_diffusers_clip_model_from_ldm(
        getattr(transformers, name),
        checkpoint=dict(weights.tensors),
        subfolder=part,
        config=str(folder),
        torch_dtype=placement.dtype,
        local_files_only=True,
    )


def _scheduler(folder: Path, family: Family, *, velocity: bool) -> Any:
    import diffusers

    config = read_json(folder / "scheduler" / "scheduler_config.json")
    cls = getattr(diffusers, config["_class_name"])
    options: dict[str, Any] = {"prediction_type": "v_prediction"} if velocity else {}
    if velocity and family is Family.SDXL:
        # SDXL files that predict velocity were trained down to pure noise (Lin et al. 2023, arXiv:2305.08891).
        options |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return cls.from_config({**config, **options})


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


def _predicts_velocity(weights: Weights, family: Family) -> bool:
    """By what the file says of itself, else by a weight that gives it away."""
    if "v_pred" in weights.tensors:
        return True
    stated = weights.metadata.get("modelspec.prediction_type")
    if stated is not None:
        return stated.startswith("v")
    if family is not Family.SD2 or _LAST_NORM not in weights.tensors or weights.shapes[_FIRST_LAYER][1] != 4:
        return False
    return float(weights.tensors[_LAST_NORM].float().std(correction=0)) > _VELOCITY_SPREAD
