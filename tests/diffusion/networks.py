"""Small random networks of the real diffusers classes."""

from types import SimpleNamespace
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, T2IAdapter, UNet2DConditionModel

from sd_core.models import Defaults

LAYOUT = {
    "in_channels": 4,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "cross_attention_dim": 16,
    "attention_head_dim": 8,
    "norm_num_groups": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
}


def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**LAYOUT, out_channels=4, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")).eval()


def controlnet() -> ControlNetModel:
    torch.manual_seed(1)
    network = ControlNetModel(**LAYOUT, conditioning_embedding_out_channels=(8, 8, 8, 8)).eval()
    for parameter in network.parameters():  # its outputs start at zero, which every padding leaves zero
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return network


def t2i_adapter(adapter_type: str) -> T2IAdapter:
    torch.manual_seed(4)
    return T2IAdapter(channels=[32, 64], num_res_blocks=2, adapter_type=adapter_type).eval()


def vae() -> AutoencoderKL:
    torch.manual_seed(2)
    blocks = 4
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        norm_num_groups=4,
        latent_channels=4,
    ).eval()


def text() -> torch.Tensor:
    return torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(3))


def model(*, guided_control: bool = False) -> Any:
    """What the network's predictions need of a model: the random UNet, and whether guidance strengthens controls."""
    defaults = Defaults(width=64, height=64, num_inference_steps=4, guidance_scale=3.0, guided_control=guided_control)
    return SimpleNamespace(unet=unet(), defaults=defaults)
