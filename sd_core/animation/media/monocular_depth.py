"""Depth of plain pictures, where a checkpoint is named for it: any depth estimator of transformers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sd_core.devices import choose_placement
from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models.configurations import read_json
from sd_core.models.hub import HUB_ID, fetch_network
from sd_core.models.libraries import quiet_libraries
from sd_core.models.local import local_path
from sd_core.models.parts import TRANSFORMERS_STEM, check_part, explaining, find_part, load_pretrained
from sd_core.values import Array, to_pillow

_METRIC = frozenset({"zoedepth", "glpn", "depth_pro"})
"""Kinds of network that tell distances; the others tell inverse depth up to a scale, such as MiDaS and Depth Anything."""

_HINT = "name a hub id or folder such as depth-anything/Depth-Anything-V2-Small-hf"

_FLAT = 1e-3
"""Share of the largest inverse depth below which a pixel counts as background."""


@dataclass(frozen=True)
class DepthEstimator:
    """Called with a picture (h, w, 3|4), gives planar depth (h, w) float32; the network is loaded at the first call.

    checkpoint: hub id or folder. Its depth is metric where the network tells metres, else relative: near and far of one
    frame do not hold for another, so that only the order within a frame can be relied on.

    Raises:
        ModelNotFound: on the first call; no such checkpoint, or files of it are missing.
        ModelMismatch: on the first call; it estimates no depth, is damaged, or names code.
    """

    checkpoint: str

    def __call__(self, picture: Array) -> Array:
        processor, network = self._parts
        image = to_pillow(picture[..., :3])
        inputs = processor(images=image, return_tensors="pt").to(network.device)
        with torch.no_grad():
            found = processor.post_process_depth_estimation(network(**inputs), target_sizes=[picture.shape[:2]])
        prediction = found[0]["predicted_depth"].float().cpu().numpy()
        return planar_depth(prediction, metric=is_metric(network.config))

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        folder = _find(self.checkpoint)
        weights = check_part(folder, TRANSFORMERS_STEM)
        with explaining(folder, _HINT), quiet_libraries():
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation

            # Checked to ask for no code; if the files were changed since, transformers refuses it, rather than ask on a terminal.
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            network: Any = load_pretrained(AutoModelForDepthEstimation, folder, weights, trust_remote_code=False)
        return processor, network.to(choose_placement("auto", "float32").device).eval()


def _find(checkpoint: str) -> Path:
    """The folder of a checkpoint, fetched if need be, and of a kind that estimates depth."""
    folder = local_path(checkpoint)
    if not folder.is_dir():
        if folder.exists() or not HUB_ID.fullmatch(checkpoint):
            raise ModelNotFound(checkpoint, "is no depth checkpoint: neither a folder nor a hub id", hint=_HINT)
        folder = fetch_network(checkpoint, checkpoint)
    missing = [name for name in ("config.json", "preprocessor_config.json") if not (folder / name).is_file()]
    missing += find_part(folder, TRANSFORMERS_STEM).missing
    if missing:
        raise ModelNotFound(str(folder), f"is no depth checkpoint: files are missing: {', '.join(missing)}", hint=_HINT)
    if read_json(folder / "config.json").get("model_type") not in _kinds():
        raise ModelMismatch(f"{folder} is no depth checkpoint: it is of a kind that estimates none", hint=_HINT)
    return folder


def _kinds() -> Collection[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

    return MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES


def is_metric(config: Any) -> bool:
    """Whether a network with this configuration tells metres."""
    return config.model_type in _METRIC or getattr(config, "depth_estimation_type", "") == "metric"


def planar_depth(prediction: Array, *, metric: bool) -> Array:
    """(h, w) float32 > 0, inf = background, of a network's prediction: metres, or inverse depth."""
    if metric:
        return np.maximum(prediction, 1e-3).astype(np.float32)
    floor = max(float(prediction.max()), 1e-6) * _FLAT
    with np.errstate(divide="ignore"):
        return np.where(prediction > floor, 1 / np.maximum(prediction, floor), np.inf).astype(np.float32)
