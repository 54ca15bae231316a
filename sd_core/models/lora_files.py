"""LoRA weights onto a model's networks, by the parts of diffusers' `load_lora_weights` that trust no file.

That function goes by a file's suffix, and hands what the header calls `lora_adapter_metadata` to peft as it is. Among peft's
settings are the name of a module, which it imports if it likes its first word, and the names of files that it opens.
"""

from __future__ import annotations

import json
from typing import Any

from .model import Family, Model
from .tensors import Weights

_METADATA = "lora_adapter_metadata"
_SETTINGS = frozenset(
    {
        "r", "lora_alpha", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules", "bias", "lora_bias",
        "use_dora", "use_rslora", "fan_in_fan_out", "layers_to_transform", "layers_pattern", "lora_dropout",
        "inference_mode", "peft_type", "task_type",
    }
)  # fmt: skip
"""Of peft's `LoraConfig`: what shapes the layers. Left out are ways to start a training, and of spreading one."""


def put_lora(model: Model, weights: Weights, name: str) -> None:
    """Add a LoRA under a name, as `pipeline.load_lora_weights` does.

    Raises:
        ValueError, LookupError, RuntimeError, TypeError, AttributeError: it does not fit; from diffusers, peft and torch.
    """
    pipeline: Any = model.pipeline
    # The stock pipelines of SD 1 and 2 do without the UNet's configuration.
    config = {"unet_config": model.unet.config} if model.family is Family.SDXL else {}
    state, alphas, _ = pipeline.lora_state_dict(dict(weights.tensors), return_lora_metadata=True, **config)
    if not all("lora" in key for key in state):
        raise ValueError("its tensors are no LoRA's")
    common = {"network_alphas": alphas, "adapter_name": name, "metadata": _settings(weights), "_pipeline": pipeline}
    common["low_cpu_mem_usage"] = True
    pipeline.load_lora_into_unet(state, unet=model.unet, **common)
    for part in ("text_encoder", "text_encoder_2"):
        encoder = pipeline.components.get(part)
        if encoder is not None:
            pipeline.load_lora_into_text_encoder(
                state, text_encoder=encoder, prefix=part, lora_scale=pipeline.lora_scale, **common
            )


def _settings(weights: Weights) -> dict[str, Any] | None:
    """peft's settings in the header of the file, by part and name, but for those that name code or files."""
    text = weights.metadata.get(_METADATA)
    stated = json.loads(text) if text else None
    if not stated:
        return None
    if not isinstance(stated, dict):
        raise TypeError(f"its {_METADATA} is no JSON object")
    return {key: value for key, value in stated.items() if key.rpartition(".")[2] in _SETTINGS}
