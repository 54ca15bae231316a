"""A loaded model: the stock pipeline that diffusers made, and what the engine must know about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sd_core.catalogue import Defaults, Family, UNetInput

from .identity import Identity

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, DiffusionPipeline, SchedulerMixin, UNet2DConditionModel

    from sd_core.devices import Placement


@dataclass(slots=True, kw_only=True, eq=False)
class Model:
    """A checkpoint in memory.

    `pipeline` is the stock pipeline: it owns the components, and diffusers' loaders of LoRA, IP-Adapter and textual
    inversion work on it. `name` loads the same model again; `source` is the file or folder on this machine, `revision` the hub's
    commit. `vocabulary`: the only words that a small model was trained on. `identity` is that of its files when they were
    read, `adapters` that of the files of the LoRAs and textual inversions that are on it just now: caches of what a model
    makes put both into their keys.
    """

    name: str
    family: Family
    unet_input: UNetInput
    placement: Placement
    defaults: Defaults
    pipeline: DiffusionPipeline
    source: Path | None = None
    revision: str | None = None
    vocabulary: frozenset[str] | None = None
    identity: Identity = ()
    adapters: Identity = ()

    @property
    def key(self) -> tuple[str, Identity]:
        """What the model is in the key of a cache: its name, and the files that it was made of."""
        return self.name, self.identity

    @property
    def unet(self) -> UNet2DConditionModel:
        """The denoising network."""
        return self._component("unet")

    @property
    def vae(self) -> AutoencoderKL:
        """The autoencoder between pixels and latents."""
        return self._component("vae")

    @property
    def scheduler(self) -> SchedulerMixin:
        """The checkpoint's own scheduler; copy it before a run."""
        return self._component("scheduler")

    @property
    def text_encoders(self) -> tuple[Any, ...]:
        """CLIP text encoders in diffusers' order: one, or two for SDXL."""
        return self._present("text_encoder", "text_encoder_2")

    @property
    def tokenizers(self) -> tuple[Any, ...]:
        """The tokenizers of `text_encoders`."""
        return self._present("tokenizer", "tokenizer_2")

    def modules(self) -> Iterator[torch.nn.Module]:
        """The networks of the pipeline."""
        import torch

        components = self.pipeline.components.values()
        return (component for component in components if isinstance(component, torch.nn.Module))

    def _component(self, name: str) -> Any:
        return self.pipeline.components[name]

    def _present(self, *names: str) -> tuple[Any, ...]:
        components = self.pipeline.components
        return tuple(components[name] for name in names if components.get(name) is not None)


def parameter_bytes(model: Model) -> int:
    """Bytes that the model's parameters and buffers take."""
    return sum(t.numel() * t.element_size() for module in model.modules() for t in _tensors(module))


def _tensors(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    yield from module.parameters()
    yield from module.buffers()
