"""What an engine keeps between jobs: models, control networks, encoded prompts, previews."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sd_core.devices import Placement
from sd_core.diffusion.preview import LatentPreview, fit_preview
from sd_core.diffusion.text import PromptEmbeds, encode_prompt
from sd_core.models import ControlNetwork, Model, ModelCache
from sd_core.models.controls import find_control_network, read_control_network
from sd_core.models.identity import identity
from sd_core.requests import Lora

T = TypeVar("T")

_PROMPTS_KEPT = 64
_CONTROL_NETWORKS_KEPT = 4
_PREVIEWS_KEPT = 16


class RecentlyUsed(Generic[T]):
    """The `size` values asked for last, made when first asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made now if it is not kept."""
        value = self._values.pop(key) if key in self._values else make()
        self._values[key] = value
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        """Keep nothing."""
        self._values.clear()


class Resources:
    """Everything that is loaded or computed once and used by many jobs. For one thread.

    Every key holds the identity of the files that the value was made of: a file replaced under the same name is read again.
    """

    def __init__(self, placement: Placement, memory_limit: int | None = None) -> None:
        self.placement = placement
        self._models = ModelCache(placement, memory_limit)
        self._control_networks: RecentlyUsed[ControlNetwork] = RecentlyUsed(_CONTROL_NETWORKS_KEPT)
        self._prompts: RecentlyUsed[PromptEmbeds] = RecentlyUsed(_PROMPTS_KEPT)
        self._previews: RecentlyUsed[LatentPreview] = RecentlyUsed(_PREVIEWS_KEPT)

    def has_model(self, name: str) -> bool:
        """Whether the model is in memory."""
        return name in self._models

    def model(self, name: str) -> Model:
        """A model, loaded if need be."""
        return self._models.get(name)

    def control_network(self, name: str | None, kind: str, model: Model) -> ControlNetwork:
        """A ControlNet or T2I-Adapter for `model`, loaded if need be."""
        folder = find_control_network(name, kind, model)
        key = (model.key, folder, identity([folder]))
        return self._control_networks.get(key, lambda: read_control_network(folder, model))

    def prompt(
        self, model: Model, prompt: str, negative_prompt: str, guided: bool, loras: tuple[Lora, ...]
    ) -> PromptEmbeds:
        """Encoded prompts; LoRAs, and the files that are on the model, belong to the key: they may change the text encoder."""
        key = (model.key, model.adapters, prompt, negative_prompt, guided, loras)
        return self._prompts.get(key, lambda: encode_prompt(model, prompt, negative_prompt, guided=guided))

    def preview(self, model: Model) -> LatentPreview:
        """The preview fitted to the model's VAE."""
        return self._previews.get(model.key, lambda: fit_preview(model))

    def free(self) -> None:
        """Drop everything and give the memory back to the device."""
        for kept in (self._control_networks, self._prompts, self._previews):
            kept.clear()
        self._models.free()
