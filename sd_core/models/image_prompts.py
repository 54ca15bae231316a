"""Pictures as prompts: an IP-Adapter on a model's UNet, for a while (Ye et al. 2023, arXiv:2308.06721)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.requests import ImagePrompt

from .catalogue import IMAGE_PROMPTS, WIDTHS
from .configurations import read_json
from .hub import fetch_file
from .libraries import quiet_libraries
from .local import local_path
from .model import Model
from .parts import TRANSFORMERS_STEM, check_part, explaining, load_pretrained
from .tensors import Shapes, Weights, read_weights
from .weights import find_weights

_FAMILY_FOLDERS = {"sd1": "models", "sdxl": "sdxl_models"}
_TO_KEYS = ".to_k_ip.weight"


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model with its adapters on, as `with_adapters` lends it."""

    model: Model
    image: np.ndarray | None = None

    def image_embeds(self, *, guided: bool) -> list[Tensor] | None:
        """IP-Adapter's picture embeddings for `added_cond_kwargs`, each (passes, 1, ...), negative first; None without."""
        if self.image is None:
            return None
        from PIL import Image

        pipeline: Any = self.model.pipeline
        picture = Image.fromarray(_as_uint8(self.image))
        with torch.no_grad():
            embeds = pipeline.prepare_ip_adapter_image_embeds(picture, None, pipeline.image_encoder.device, 1, guided)
        return [e.to(self.model.placement.device, self.model.unet.dtype) for e in embeds]


@contextmanager
def image_prompt_weights(model: Model, prompt: ImagePrompt) -> Iterator[None]:
    """The adapter's attention on the UNet; afterwards processors and parts are the very objects from before.

    Raises:
        ModelNotFound: no such file, or no image encoder next to it.
        ModelMismatch: made for another family, none is known for this one, or a damaged file or a pickle.
    """
    file = _find(model, prompt.model)
    weights = read_weights(file)
    _check_family(model, file, weights.shapes)
    encoder = _find_encoder(file, weights.shapes)
    with _restoring(model):
        _load(model, file, weights, encoder)
        pipeline: Any = model.pipeline
        pipeline.set_ip_adapter_scale(prompt.scale)
        yield


def _load(model: Model, file: Path, weights: Weights, encoder: Path) -> None:
    """Through diffusers' loader, which is given the tensors: it loads files by their suffix, and needs the encoder next to them."""
    pipeline: Any = model.pipeline
    found = check_part(encoder, TRANSFORMERS_STEM)
    if found.missing:
        raise ModelNotFound(str(encoder), f"files are missing: {', '.join(found.missing)}", hint="get the folder again")
    with explaining(encoder, "use the image encoder that was published with the adapter"), quiet_libraries():
        from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

        network: Any = load_pretrained(CLIPVisionModelWithProjection, encoder, found, dtype=model.placement.dtype)
        side = network.config.image_size
        processor = CLIPImageProcessorPil(size=side, crop_size=side)
        pipeline.register_modules(image_encoder=network.to(model.placement.device), feature_extractor=processor)  # pyright: ignore[reportArgumentType]
    with explaining(file, "use an IP-Adapter made for this model"), quiet_libraries():
        pipeline.load_ip_adapter(_by_part(weights), subfolder="", weight_name="", local_files_only=True)


def _by_part(weights: Weights) -> dict[str, dict[str, Tensor]]:
    """As diffusers reads it from a file."""
    parts: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in weights.tensors.items():
        part, _, rest = name.partition(".")
        if part in parts:
            parts[part][rest] = tensor
    return parts


@contextmanager
def _restoring(model: Model) -> Iterator[None]:
    pipeline: Any = model.pipeline
    unet: Any = model.unet
    processors = dict(unet.attn_processors)
    projection, kind = unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
    parts = {name: getattr(pipeline, name) for name in ("image_encoder", "feature_extractor")}
    try:
        yield
    finally:
        unet.set_attn_processor(dict(processors))
        unet.encoder_hid_proj = projection
        unet.config.encoder_hid_dim_type = kind
        pipeline.register_modules(**parts)


def _find(model: Model, name: str | None) -> Path:
    if name is not None:
        folder = local_path(name) / _FAMILY_FOLDERS.get(model.family, "")
        return find_weights(str(folder) if folder.is_dir() else name)
    known = IMAGE_PROMPTS.get(model.family)
    if known is None:
        raise ModelMismatch(
            f"no IP-Adapter is known for {model.family}", hint="name one, or use a model of SD 1 or SDXL"
        )
    file = fetch_file(known.hub_id, known.hub_id, known.file)
    for part in ("config.json", "model.safetensors"):
        fetch_file(known.hub_id, known.hub_id, f"{known.image_encoder}/{part}")
    return file


def _check_family(model: Model, file: Path, shapes: Shapes) -> None:
    widths = {shape[1] for name, shape in shapes.items() if name.endswith(_TO_KEYS)}
    if not widths:
        raise ModelMismatch(f"{file} is no IP-Adapter", hint="name a file with ip_adapter.* and image_proj.* weights")
    own = int(model.unet.config.cross_attention_dim)
    if widths != {own}:
        family = WIDTHS.get(max(widths), "a model of another width")
        raise ModelMismatch(
            f"{file} was made for {family}, but {model.name} is {model.family} (text width {max(widths)} against {own})",
            hint=f"use an IP-Adapter made for {model.family}",
        )


def _find_encoder(file: Path, shapes: Shapes) -> Path:
    """The image encoder, in the usual places next to the file, whose output the adapter reads."""
    projection = shapes.get("image_proj.proj.weight") or shapes.get("image_proj.proj_in.weight")
    width = projection[1] if projection else None
    root = file.parent.parent
    folders = [file.parent / "image_encoder", root / "models" / "image_encoder", root / "image_encoder"]
    for folder in folders:
        if (folder / "config.json").is_file():
            config = read_json(folder / "config.json")
            if width in (None, config.get("projection_dim"), config.get("hidden_size")):
                return folder
    raise ModelNotFound(
        str(file), f"no image encoder of width {width} next to it", hint=f"put its folder at {folders[0]}"
    )


def _as_uint8(image: np.ndarray) -> np.ndarray:
    return image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
