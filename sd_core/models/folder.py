"""A diffusers folder, loaded by diffusers, quietly and with errors that help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sd_core.errors import ModelMismatch, ModelNotFound

from .catalogue import DistilledUNet, Entry
from .configurations import read_json
from .files import check_folder
from .libraries import pipeline_class, quiet_libraries
from .parts import load_pretrained
from .tensors import read_weights

if TYPE_CHECKING:
    from sd_core.devices import Placement

_REFINER = "StableDiffusionXLImg2ImgPipeline"


def load_folder(
    folder: Path,
    placement: Placement,
    *,
    unet: Path | None = None,
    entry: Entry | None = None,
    allow_pickle: bool | None = None,
) -> Any:
    """The stock pipeline of a folder that `save_pretrained` wrote.

    Depth and inpainting checkpoints load as the plain pipeline of their family: the denoising loop knows what to feed them.
    The safety checker and depth estimator are left out.

    Args:
        folder: with a `model_index.json`.
        placement: number formats.
        unet: weights that stand for those of the folder's UNet, with the scheduler options of `entry`.
        entry: what the catalogue says of the checkpoint.
        allow_pickle: also read the weights in `.bin` files; None: if the environment says so.

    Raises:
        ModelNotFound: files are missing.
        ModelMismatch: a weight file is damaged or a pickle, or the folder holds another kind of model or names code.
    """
    index = read_index(folder)
    weights = check_folder(folder, index, allow_pickle=allow_pickle, without=("unet",) if unet else ())
    cls = pipeline_class(_class_name(folder, index))
    # Read by the plain pipelines only to announce that they ignore it.
    without: dict[str, Any] = {"feature_extractor": None, "image_encoder": None}
    if "text_encoder_2" not in index:
        without |= {"safety_checker": None, "requires_safety_checker": False}
    with quiet_libraries():
        if unet is not None and entry is not None and entry.unet is not None:
            without |= {
                "unet": _load_unet(folder, unet, placement),
                "scheduler": _load_scheduler(folder, index, entry.unet),
            }
        return load_pretrained(
            cls, folder, weights, dtype={"vae": placement.vae_dtype, "default": placement.dtype}, **without
        )


def read_index(folder: Path) -> Mapping[str, Any]:
    """The folder's `model_index.json`.

    Raises:
        ModelNotFound: there is none.
    """
    path = folder / "model_index.json"
    if not path.is_file():
        raise ModelNotFound(
            str(folder),
            "the folder has no model_index.json",
            hint="name a folder that diffusers' save_pretrained wrote",
        )
    return read_json(path)


def _class_name(folder: Path, index: Mapping[str, Any]) -> str:
    if "unet" not in index or "vae" not in index:
        raise ModelMismatch(
            f"{folder} holds a {index.get('_class_name')}, which has no UNet",
            hint="use Stable Diffusion 1.x, 2.x or XL",
        )
    if "text_encoder_2" not in index:
        return "StableDiffusionPipeline"
    return _REFINER if index["_class_name"] == _REFINER else "StableDiffusionXLPipeline"


def _load_unet(folder: Path, weights: Path, placement: Placement) -> Any:
    """A UNet of the folder's shape with weights of its own."""
    from accelerate import init_empty_weights
    from diffusers import UNet2DConditionModel

    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))
    state = {name: tensor.to(placement.dtype) for name, tensor in read_weights(weights).tensors.items()}
    unet.load_state_dict(state, assign=True)
    return unet.eval()


def _load_scheduler(folder: Path, index: Mapping[str, Any], unet: DistilledUNet) -> Any:
    import diffusers

    cls = getattr(diffusers, index["scheduler"][1])
    return cls.from_pretrained(folder, subfolder="scheduler", **unet.scheduler)
