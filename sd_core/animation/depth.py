"""Depth of plain pictures, where a checkpoint is named for it: any depth estimator of transformers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from sd_core.devices import choose_placement
from sd_core.errors import ModelNotFound
from sd_core.models.libraries import quiet_libraries
from sd_core.values import Array, to_pillow

_METRIC = frozenset({"zoedepth", "glpn", "depth_pro"})
"""Kinds of network that tell distances; the others tell inverse depth up to a scale, such as MiDaS and Depth Anything."""

_FLAT = 1e-3
"""Share of the largest inverse depth below which a pixel counts as background."""


@dataclass(frozen=True)
class DepthEstimator:
    """Called with a picture (h, w, 3|4), gives planar depth (h, w) float32; the network is loaded at the first call.

    checkpoint: hub id or folder. Its depth is metric where the network tells metres, else relative: near and far of one
    frame do not hold for another, so that only the order within a frame can be relied on.

    Raises:
        ModelNotFound: on the first call; no such checkpoint, or it estimates no depth.
    """

    checkpoint: str

    def __call__(self, picture: Array) -> Array:
        processor, network = self._parts
        image = to_pillow(picture[..., :3])
        inputs = processor(images=image, return_tensors="pt").to(network.device)
        with torch.no_grad():
            found = processor.post_process_depth_estimation(network(**inputs), target_sizes=[picture.shape[:2]])
        told = found[0]["predicted_depth"].float().cpu().numpy()
        return planar_depth(told, metric=is_metric(network.config))

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        with quiet_libraries():
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation

            try:
                processor = AutoImageProcessor.from_pretrained(self.checkpoint)
                network: Any = AutoModelForDepthEstimation.from_pretrained(self.checkpoint, use_safetensors=True)
            except (OSError, ValueError) as error:
                hint = "name a hub id or folder such as depth-anything/Depth-Anything-V2-Small-hf"
                raise ModelNotFound(self.checkpoint, f"is no depth checkpoint: {error}", hint=hint) from error
        return processor, network.to(choose_placement("auto", "float32").device).eval()


def is_metric(config: Any) -> bool:
    """Whether a network with this configuration tells metres."""
    return config.model_type in _METRIC or getattr(config, "depth_estimation_type", "") == "metric"


def planar_depth(told: Array, *, metric: bool) -> Array:
    """(h, w) float32 > 0, inf = background, of what a network told: metres, or inverse depth."""
    if metric:
        return np.maximum(told, 1e-3).astype(np.float32)
    floor = max(float(told.max()), 1e-6) * _FLAT
    with np.errstate(divide="ignore"):
        return np.where(told > floor, 1 / np.maximum(told, floor), np.inf).astype(np.float32)
