"""The inverse of diffusers' conversion: a pipeline of the SD 1 family as one file in the original layout."""

from __future__ import annotations

import re
from pathlib import Path

from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_MATRIX = 2
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_single_file(pipeline: StableDiffusionPipeline, file: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write UNet, autoencoder and text encoder as one `.safetensors` file."""
    per_level = pipeline.unet.config.layers_per_block
    levels = len(pipeline.vae.config.block_out_channels)
    tensors = {f"model.diffusion_model.{_unet_name(k, per_level)}": v for k, v in pipeline.unet.state_dict().items()}
    for name, tensor in pipeline.vae.state_dict().items():
        renamed, value = _vae_entry(name, tensor, levels)
        tensors[f"first_stage_model.{renamed}"] = value
    for name, tensor in pipeline.text_encoder.state_dict().items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata)
    return file


def _unet_name(name: str, per_level: int) -> str:
    for ours, theirs in _UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    if found := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        place = "1" if found[1] == "attentions" else str(2 * int(found[2]))
        return f"middle_block.{place}.{_layer(found[1], found[3])}"
    found = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    assert found, name
    side, level, kind, index, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    if side == "down":
        block = 1 + level * (per_level + 1) + (per_level if kind == "downsamplers" else index)
        rest = rest.replace("conv.", "op.") if kind == "downsamplers" else _layer(kind, rest)
        return f"input_blocks.{block}.{int(kind == 'attentions')}.{rest}"
    block = level * (per_level + 1) + (per_level if kind == "upsamplers" else index)
    # The tiny UNet's deepest level, its first upward one, has no attention.
    place = {"resnets": 0, "attentions": 1, "upsamplers": 1 if level == 0 else 2}[kind]
    return f"output_blocks.{block}.{place}.{_layer(kind, rest)}"


def _layer(kind: str, rest: str) -> str:
    if kind != "resnets":
        return rest
    layer, _, end = rest.rpartition(".")
    return f"{_RESNET[layer]}.{end}"


def _vae_entry(name: str, tensor: Tensor, levels: int) -> tuple[str, Tensor]:
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    if found := re.match(r"(.*)mid_block\.attentions\.0\.(.*)\.(\w+)$", name):
        name = f"{found[1]}mid.attn_1.{_VAE_ATTENTION[found[2]]}.{found[3]}"
        return name, tensor[..., None, None] if tensor.ndim == _MATRIX else tensor
    return name, tensor
