"""Learned maps, where a checkpoint is named for them: Marigold (Ke et al. 2025, arXiv:2505.09358) through diffusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from sd_core.devices import Placement
from sd_core.diffusion.seamless import seamless
from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models.files import check_folder
from sd_core.models.folder import read_index
from sd_core.models.hub import HUB_ID, fetch_pipeline
from sd_core.models.libraries import pipeline_class, quiet_libraries
from sd_core.models.local import local_path
from sd_core.models.parts import PartWeights, explaining, load_pretrained
from sd_core.requests import Seamless
from sd_core.values.srgb import decode_srgb

from .periodic import Plane

_HINT = "name prs-eth/marigold-normals-v1-1, prs-eth/marigold-depth-v1-1 or prs-eth/marigold-iid-appearance-v1-1"
_PIPELINES = ("MarigoldNormalsPipeline", "MarigoldDepthPipeline", "MarigoldIntrinsicsPipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a network says of a surface; None where it says nothing.

    normals: (h, w, 3) unit vectors, x right, y up. height: (h, w), any range. relief: (h, w) in px, which needs no guess of
    its depth. base_color: (h, w, 3) linear. roughness, metallic: (h, w) in [0, 1].
    """

    normals: NDArray[np.float32] | None = None
    height: Plane | None = None
    relief: Plane | None = None
    base_color: NDArray[np.float32] | None = None
    roughness: Plane | None = None
    metallic: Plane | None = None


Estimator = Callable[[NDArray[np.float32]], Estimate]
"""Looks at a picture (h, w, 3) in [0, 1], sRGB-encoded, that wraps along both axes."""


@dataclass(frozen=True, slots=True)
class EstimatorFiles:
    """A Marigold checkpoint on this machine that has been checked; kind: diffusers' name of its pipeline."""

    folder: Path
    kind: str
    weights: PartWeights


def find_estimator(name: str) -> EstimatorFiles:
    """Find, and if need be fetch, a Marigold checkpoint, and check its files before any work is done for it.

    Args:
        name: folder or hub id.

    Raises:
        ModelNotFound: no such checkpoint, or files of it are missing.
        ModelMismatch: it is none of Marigold's, or holds damaged files, pickles, or names of code.
    """
    folder = local_path(name)
    if not folder.is_dir():
        if folder.exists() or not HUB_ID.fullmatch(name):
            raise ModelNotFound(name, "is neither a folder nor a hub id", hint=_HINT)
        folder = fetch_pipeline(name, name)
    index = read_index(folder)
    kind = str(index.get("_class_name"))
    if kind not in _PIPELINES:
        raise ModelMismatch(f"{folder} is no estimator of maps but a {kind}", hint=_HINT)
    return EstimatorFiles(folder, kind, check_folder(folder, index))


def load_estimator(files: EstimatorFiles, placement: Placement, seed: int) -> Estimator:
    """The estimator in a Marigold checkpoint: of normals, of depth, or of albedo, roughness and metal.

    Args:
        files: its files.
        placement: its device; it runs in float32.
        seed: of its noise.

    Raises:
        ModelMismatch: diffusers cannot load it.
    """
    with explaining(files.folder, _HINT), quiet_libraries():
        pipeline = load_pretrained(pipeline_class(files.kind), files.folder, files.weights)
    pipeline.to(placement.device, torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return lambda picture: read_prediction(pipeline, predict(pipeline, picture, Generator().manual_seed(seed)))


def predict(
    pipeline: Any, picture: NDArray[np.float32], generator: Generator | None = None, latents: Tensor | None = None
) -> NDArray[np.float32]:
    """The pipeline's prediction (n, h, w, c) for a picture (h, w, 3) that wraps, and does so itself.

    Args:
        latents: start noise, instead of the generator's.
    """
    # A tensor: of arrays the pipelines mistake the width for the height when they check the latents.
    pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    with seamless((pipeline.unet, pipeline.vae), Seamless.XY), torch.inference_mode():
        output = pipeline(pixels, processing_resolution=0, generator=generator, latents=latents)
    return np.asarray(output.prediction, np.float32)


def read_prediction(pipeline: Any, prediction: NDArray[np.float32]) -> Estimate:
    """What a prediction stands for, by the kind of its pipeline."""
    match type(pipeline).__name__:
        case "MarigoldNormalsPipeline":
            facing = np.concatenate([prediction[0, ..., :2], np.maximum(prediction[0, ..., 2:], 0.05)], axis=-1)
            return Estimate(normals=facing / np.linalg.norm(facing, axis=-1, keepdims=True))
        case "MarigoldDepthPipeline":
            return Estimate(height=-prediction[0, ..., 0])
        case _:
            return _intrinsics(pipeline.target_properties, prediction)


def _intrinsics(targets: dict[str, Any], prediction: NDArray[np.float32]) -> Estimate:
    """Albedo, and roughness and metal from the channels that the checkpoint names."""
    planes = dict(zip(targets["target_names"], np.clip(prediction, 0, 1), strict=True))
    albedo, material = planes.get("albedo"), planes.get("material")
    if albedo is not None and targets.get("albedo", {}).get("prediction_space") == "srgb":
        albedo = decode_srgb(albedo)
    names = targets.get("material", {}).get("sub_target_names", []) if material is not None else []
    channels = {str(name): material[..., i] for i, name in enumerate(names)} if material is not None else {}
    return Estimate(base_color=albedo, roughness=channels.get("roughness"), metallic=channels.get("metallicity"))
