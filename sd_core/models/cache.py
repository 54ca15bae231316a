"""Models in memory, within a bound."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable

import torch

from sd_core.devices import Placement, memory
from sd_core.errors import OutOfMemory

from .loading import estimate_bytes, load_model
from .model import Model, parameter_bytes
from .sources import model_identity

# Beside parameters, a run needs room for activations.
_SHARE = 0.9


class ModelCache:
    """Keeps the models used last; the least recently used go when the next one needs their room. For one thread.

    A model whose files were replaced under its name is loaded again.

    Args:
        placement: where models go.
        limit: bytes that all of them may take; None: nine tenths of what the device has free.
        allow_pickle: see `load_model`.
    """

    def __init__(self, placement: Placement, limit: int | None = None, *, allow_pickle: bool | None = None) -> None:
        self._placement = placement
        self._limit = limit
        self._allow_pickle = allow_pickle
        self._models: OrderedDict[str, Model] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Whether the model is here as its files are now."""
        return name in self._models and self._models[name].identity == model_identity(name)

    @property
    def bytes_used(self) -> int:
        """What the parameters of all kept models take."""
        return sum(map(parameter_bytes, self._models.values()))

    def get(self, name: str) -> Model:
        """The model, loaded if need be.

        Raises:
            OutOfMemory: it is larger than the bound, all others gone.
            ModelNotFound, ModelMismatch: see `load_model`.
        """
        if name not in self:
            # Before the next one is measured: it must not count, and its mapped files may be gone.
            if self._models.pop(name, None) is not None:
                _release(self._placement.device)
            self._make_room(estimate_bytes(name, self._placement, allow_pickle=self._allow_pickle))
            self._models[name] = load_model(name, self._placement, allow_pickle=self._allow_pickle)
        self._models.move_to_end(name)
        return self._models[name]

    def free(self) -> None:
        """Drop all models and give their memory back to the device."""
        self._models.clear()
        _release(self._placement.device)

    def _make_room(self, needed: int) -> None:
        room = self._room()
        evicted = False
        while self._models and self.bytes_used + needed > room:
            self._models.popitem(last=False)
            evicted = True
        if evicted:
            _release(self._placement.device)
        # A CUDA device that is too small gets the networks one after the other: see `loading.move_to_device`.
        if needed > room and (self._limit is not None or self._placement.device.type != "cuda"):
            raise OutOfMemory(needed, room, hint="use a smaller model, half precision, or a larger memory_limit")

    def _room(self) -> int:
        if self._limit is not None:
            return self._limit
        return int(_SHARE * (memory(self._placement.device).free + self.bytes_used))


def _release(device: torch.device) -> None:
    gc.collect()
    release: dict[str, Callable[[], None]] = {"cuda": torch.cuda.empty_cache, "mps": torch.mps.empty_cache}
    release.get(device.type, lambda: None)()
