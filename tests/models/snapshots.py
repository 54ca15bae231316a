"""The whole state of a model, to compare before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from sd_core.models import Model


@dataclass(frozen=True)
class Snapshot:
    """Every tensor by name, every layer by class and identity, every processor, and the parts of the pipeline."""

    tensors: dict[str, torch.Tensor]
    layers: dict[str, tuple[type, int]]
    processors: dict[str, int]
    parts: dict[str, int]
    config: dict[str, Any]
    adapters: list[bool]


def snapshot(model: Model) -> Snapshot:
    """Copy what can be changed."""
    networks = {name: part for name, part in model.pipeline.components.items() if isinstance(part, torch.nn.Module)}
    return Snapshot(
        tensors={f"{n}.{k}": v.clone() for n, part in networks.items() for k, v in part.state_dict().items()},
        layers={f"{n}.{k}": (type(m), id(m)) for n, part in networks.items() for k, m in part.named_modules()},
        processors={name: id(processor) for name, processor in model.unet.attn_processors.items()},
        parts={name: id(part) for name, part in model.pipeline.components.items()},
        config=dict(model.unet.config),
        adapters=[bool(getattr(part, "_hf_peft_config_loaded", False)) for part in networks.values()],
    )


def assert_same(before: Snapshot, after: Snapshot) -> None:
    """Bit for bit, object for object."""
    assert after.tensors.keys() == before.tensors.keys()
    changed = [name for name, tensor in before.tensors.items() if not torch.equal(tensor, after.tensors[name])]
    assert changed == []
    assert after.layers == before.layers
    assert after.processors == before.processors
    assert after.parts == before.parts
    assert after.config == before.config
    assert after.adapters == before.adapters
