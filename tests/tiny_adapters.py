"""Tiny LoRA, textual-inversion, IP-Adapter and T2I-Adapter files with random weights, in the layouts that people publish."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import torch
from diffusers import T2IAdapter, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from tests.tiny import FAMILY, TinyKind

_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out")
_UNET_LAYERS = (*_ATTENTION, "ff.net.0.proj", "ff.net.2", "conv1", "conv2")
_TEXT_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


class LoraFormat(StrEnum):
    """Naming conventions of LoRA files."""

    DIFFUSERS = "diffusers"
    KOHYA = "kohya"


def tiny_lora(
    pipeline: Path, file: Path, layout: LoraFormat, *, rank: int = 2, text: bool = True, seed: int = 3
) -> Path:
    """Write LoRA weights for every attention, feed-forward and convolution layer of a pipeline.

    Args:
        pipeline: folder of `tiny_pipeline`.
        file: a `.safetensors` path.
        layout: kohya files also carry an alpha for each layer, other than their rank.
        rank: of every layer.
        text: whether the text encoders get weights too.
        seed: of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for part, name, layer in _adapted_layers(pipeline, text=text):
        down, up = _low_rank(layer, rank, generator)
        match layout:
            case LoraFormat.DIFFUSERS:
                key = f"{part}.{name}"
                tensors |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
            case LoraFormat.KOHYA:
                key = f"{_kohya_prefix(part, pipeline)}_{name.replace('.', '_')}"
                alpha = torch.tensor(rank / 2)
                tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": alpha}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"format": "pt"})
    return file


def tiny_textual_inversion(file: Path, token: str, *, width: int = 32, vectors: int = 2, seed: int = 4) -> Path:
    """Write `vectors` embeddings (vectors, width) for `token`, as diffusers' training script saves them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    embedding = torch.randn((vectors, width), generator=torch.Generator().manual_seed(seed))
    save_file({token: embedding}, file)
    return file


def tiny_ip_adapter(pipeline: Path, folder: Path, *, tokens: int = 4, seed: int = 5) -> Path:
    """Write an IP-Adapter and its image encoder as the published ones lie: `models/ip-adapter_sd15.safetensors` beside
    `models/image_encoder`, or the same under `sdxl_models` for a pipeline with two text encoders.

    Ye et al. 2023, arXiv:2308.06721.
    """
    sdxl = (pipeline / "text_encoder_2").exists()
    models = folder / ("sdxl_models" if sdxl else "models")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = _vision_encoder()
        unet = UNet2DConditionModel.from_pretrained(pipeline, subfolder="unet")
        tensors = _ip_tensors(unet, encoder.config.projection_dim, tokens)
    encoder.save_pretrained(models / "image_encoder")
    save_file(tensors, models / f"ip-adapter_{'sdxl' if sdxl else 'sd15'}.safetensors")
    return folder


def tiny_t2i_adapter(kind: TinyKind, folder: Path, *, grey: bool = False, seed: int = 5) -> Path:
    """Write a T2I-Adapter for the tiny pipeline `kind`.

    Args:
        kind: SDXL has an architecture of its own.
        folder: made if needed.
        grey: whether it reads one channel.
        seed: of the weights.
    """
    sdxl = FAMILY[kind] == "sdxl"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        T2IAdapter(
            in_channels=1 if grey else 3,
            channels=[8, 16],
            num_res_blocks=1,
            downscale_factor=16 if sdxl else 8,
            adapter_type="full_adapter_xl" if sdxl else "full_adapter",
        ).save_pretrained(folder)
    return folder


def _adapted_layers(pipeline: Path, *, text: bool) -> Iterator[tuple[str, str, nn.Module]]:
    """Part of the pipeline, name inside it as published files have it, and the layer."""
    unet = UNet2DConditionModel.from_pretrained(pipeline, subfolder="unet")
    for name, layer in unet.named_modules():
        if name.endswith(_UNET_LAYERS) and isinstance(layer, (nn.Linear, nn.Conv2d)):
            yield "unet", name, layer
    encoders = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    for part, model_class in encoders.items():
        if not text or not (pipeline / part).exists():
            continue
        for name, layer in model_class.from_pretrained(pipeline, subfolder=part).named_modules():
            if name.endswith(_TEXT_LAYERS):
                # Published files keep this level of CLIP, which newer transformers leave out.
                yield part, f"text_model.{name.removeprefix('text_model.')}", layer


def _low_rank(layer: nn.Module, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The down and up matrices of a layer; those of a convolution have its kernel, and a 1 x 1 one."""
    out_features, in_features, *kernel = layer.weight.shape
    down = torch.randn((rank, in_features, *kernel), generator=generator)
    up = torch.randn((out_features, rank, *(1 for _ in kernel)), generator=generator)
    return down * 0.3, up * 0.3


def _kohya_prefix(part: str, pipeline: Path) -> str:
    if part == "unet":
        return "lora_unet"
    if not (pipeline / "text_encoder_2").exists():
        return "lora_te"
    return "lora_te2" if part == "text_encoder_2" else "lora_te1"


def _vision_encoder() -> CLIPVisionModelWithProjection:
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        projection_dim=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    return CLIPVisionModelWithProjection(config).eval()


def _ip_tensors(unet: UNet2DConditionModel, image_width: int, tokens: int) -> dict[str, Tensor]:
    width = unet.config.cross_attention_dim
    tensors = {
        "image_proj.proj.weight": torch.randn(tokens * width, image_width),
        "image_proj.proj.bias": torch.randn(tokens * width) * 0.1,
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    # The published files count the attention layers of both kinds, so that the cross-attentions have the odd numbers.
    for index, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            hidden = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
            for key in ("to_k_ip", "to_v_ip"):
                tensors[f"ip_adapter.{index}.{key}.weight"] = torch.randn(hidden, width) * width**-0.5
    return tensors
