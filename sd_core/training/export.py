"""The model's folder: what stages write and what pipelines load."""

import copy
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, ModelMixin, UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from sd_core.errors import ModelNotFound
from sd_core.training.parts import Parts

VOCABULARY = "vocabulary.json"
MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def save_part(network: ModelMixin | CLIPTextModel, folder: Path) -> None:
    """Write one network as float16 safetensors, replacing `folder` only once the new one is complete."""
    temporary = folder.with_name(folder.name + ".part")
    copy.deepcopy(network).half().save_pretrained(temporary, safe_serialization=True)
    # transformers loads in the dtype that the configuration names, diffusers in float32 whatever it says: they must agree
    path = temporary / "config.json"
    config = json.loads(path.read_text())
    config.pop("_name_or_path", None)  # where the weights came from on this machine
    path.write_text(json.dumps({**config, "dtype": "float32"} if "dtype" in config else config, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def save_weights(network: nn.Module, folder: Path) -> None:
    """Write a network of our own as float16 safetensors, sharing no memory with it."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def save_parts(parts: Parts, model: Path, words: frozenset[str]) -> None:
    """Write the text-to-image half of the model's folder: UNet, text encoder, tokenizer, scheduler, index, known words."""
    save_part(parts.unet, model / "unet")
    save_part(parts.text_encoder, model / "text_encoder")
    parts.tokenizer.save_pretrained(model / "tokenizer")
    parts.scheduler.save_pretrained(model / "scheduler")
    (model / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")
    (model / VOCABULARY).write_text(json.dumps(sorted(words), indent=0) + "\n")


def load_autoencoder(model: Path) -> AutoencoderKL:
    """The autoencoder in a model's folder, in float32."""
    return AutoencoderKL.from_pretrained(
        _existing(model / "vae", "autoencoder"), torch_dtype=torch.float32, use_safetensors=True
    )


def load_parts(model: Path) -> Parts:
    """Everything but the ControlNet from a model's folder, in float32."""
    _existing(model / "unet", "unet")
    return Parts(
        autoencoder=load_autoencoder(model),
        unet=UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32, use_safetensors=True),
        text_encoder=load_text_encoder(model),
        tokenizer=CLIPTokenizer.from_pretrained(model / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(model / "scheduler"),
    )


def load_text_encoder(model: Path) -> CLIPTextModel:
    """The text encoder in a model's folder, in float32."""
    return CLIPTextModel.from_pretrained(
        _existing(model / "text_encoder", "text_encoder"), dtype=torch.float32, use_safetensors=True
    )


def load_controlnet(model: Path) -> ControlNetModel:
    """The ControlNet in a model's folder, in float32."""
    return ControlNetModel.from_pretrained(
        _existing(model / "controlnet", "controlnet"), torch_dtype=torch.float32, use_safetensors=True
    )


def _existing(folder: Path, stage: str) -> Path:
    if not folder.is_dir():
        raise ModelNotFound(
            str(folder), "has not been trained yet", hint=f"run the {stage} stage first, or start from a model"
        )
    return folder
