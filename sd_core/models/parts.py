"""One network in a folder: which files hold its weights, what they are, and its loading by diffusers or transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd_core.errors import ModelMismatch

from .configurations import check_configurations, check_file_name, read_json
from .formats import PICKLES, Format, check_format
from .tensors import read_shapes

DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
"""How the libraries call their weights."""

_VARIANTS = (None, "fp16")


@dataclass(frozen=True, slots=True)
class PartWeights:
    """The files of one network.

    files: of one variant, shards as their index lists them. variant: "fp16" where there are no plain ones.
    is_pickled: they are `.bin` files. missing: names of files that should be there.
    """

    files: tuple[Path, ...] = ()
    variant: str | None = None
    is_pickled: bool = False
    missing: tuple[str, ...] = ()


def find_part(part: Path, stem: str) -> PartWeights:
    """Where the weights of a network are; none of them is opened.

    Raises:
        ModelMismatch: the index of the shards is damaged or names files elsewhere.
    """
    listed = {variant: _listed_files(part, stem, variant) for variant in _VARIANTS}
    for variant, files in listed.items():
        if files and all(file.is_file() for file in files):
            return PartWeights(tuple(files), variant)
    if pickles := sorted(part.glob("*.bin")):
        return PartWeights(tuple(pickles), is_pickled=True)
    absent = [file.name for files in listed.values() for file in files if not file.is_file()]
    return PartWeights(missing=tuple(absent) or (f"{stem}.safetensors",))


def check_part(part: Path, stem: str, *, allow_pickle: bool | None = None) -> PartWeights:
    """The weights of a network whose files are what their names say, and whose configurations name no code.

    Raises:
        ModelMismatch: names the file, and what is wrong with it.
    """
    check_configurations(part)
    weights = find_part(part, stem)
    for file in weights.files:
        _check_file(file, pickled=weights.is_pickled, allow_pickle=allow_pickle)
    return weights


def load_pretrained(cls: Any, folder: Path, weights: PartWeights, **options: Any) -> Any:
    """A network or pipeline that has been checked, through its library.

    Between the check and this the files may have changed, so nothing here trusts it: what is called `.safetensors` is
    parsed as such, `.bin` goes through the weights-only unpickler in both libraries, and code is imported by neither.
    """
    if weights.is_pickled:
        return cls.from_pretrained(
            folder, use_safetensors=None, local_files_only=True, variant=weights.variant, **options
        )
    return cls.from_pretrained(folder, use_safetensors=True, local_files_only=True, variant=weights.variant, **options)


@contextmanager
def explaining(path: Path, hint: str) -> Iterator[None]:
    """Turn what the libraries raise for a file's content into ours.

    The files are there and of the right format, so what the libraries stumble over, and in whichever way, is their content.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (
        ValueError, LookupError, RuntimeError, OSError, TypeError, AttributeError, ArithmeticError, ImportError,
        AssertionError,
    ) as error:  # fmt: skip
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelMismatch(f"{path} cannot be loaded: {lines[0]}", hint=hint) from error


def _check_file(file: Path, *, pickled: bool, allow_pickle: bool | None) -> None:
    """The libraries go by suffixes, so the content must agree with them."""
    kind = check_format(file, allow_pickle=allow_pickle)
    if (kind in PICKLES) is not pickled:
        suffix = ".bin" if kind in PICKLES else ".safetensors"
        raise ModelMismatch(f"{file} is {kind}", hint=f"rename it, with {suffix} for its suffix")
    assert kind in (*PICKLES, Format.SAFETENSORS), "others are refused"
    read_shapes(file, allow_pickle=allow_pickle)


def _listed_files(part: Path, stem: str, variant: str | None) -> list[Path]:
    """The weight files of one variant that there should be; empty if there are none."""
    ending = f".{variant}" if variant else ""
    single, index = part / f"{stem}{ending}.safetensors", part / f"{stem}.safetensors.index{ending}.json"
    if single.is_file():
        return [single]
    if not index.is_file():
        return []
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict):
        raise ModelMismatch(f"{index} is damaged (it has no weight_map)", hint="get it again")
    return [part / name for name in sorted({_shard(index, name) for name in names.values()})]


def _shard(index: Path, name: Any) -> str:
    if not check_file_name(index, name).endswith(".safetensors"):
        raise ModelMismatch(f"{index} names {name}, no .safetensors file", hint="use the .safetensors version")
    return name
