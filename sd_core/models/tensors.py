"""The tensors of one weight file, of whatever format its content shows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError, safe_open

from sd_core.errors import ModelMismatch

from .formats import MOST_TENSORS, Format, check_stream, open_file

if TYPE_CHECKING:
    from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]

_WRAPPER = "state_dict"
_DEEPEST = 4
"""Levels of dictionaries that are followed in a pickle, which may hold itself: no known checkpoint has more than three."""

_REFUSED = re.compile(r"(?:GLOBAL|class|function) `?([\w.]+)")


@dataclass(frozen=True, slots=True)
class Weights:
    """The content of a weight file.

    tensors: by name, on the CPU; where a pickle nests dictionaries, their keys are joined by dots.
    metadata: the texts in the header of a safetensors file.
    """

    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> Shapes:
        """As `read_shapes` gives them."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def read_shapes(path: Path, *, allow_pickle: bool | None = None) -> Shapes:
    """Names and shapes of the tensors in a file; only the header of safetensors is read.

    Args:
        path: the file; its suffix does not matter.
        allow_pickle: read the weights in a pickle, and nothing else of it; None: if the environment says so.

    Raises:
        ModelNotFound: there is no such file.
        ModelMismatch: it is damaged, cut short, holds no weights, or is a pickle that is not allowed or holds more than weights.
    """
    with open_file(path) as stream:
        if check_stream(path, stream, allow_pickle=allow_pickle) is not Format.SAFETENSORS:
            return Weights(_unpickle(path, stream, "meta"), {}).shapes
    with _explaining(path), safe_open(path, framework="np") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def read_weights(path: Path, *, allow_pickle: bool | None = None) -> Weights:
    """The tensors of a file.

    Raises:
        ModelNotFound, ModelMismatch: see `read_shapes`.
    """
    with open_file(path) as stream:
        if check_stream(path, stream, allow_pickle=allow_pickle) is not Format.SAFETENSORS:
            return Weights(_unpickle(path, stream, "cpu"), {})
    # The library opens the file again, by its name: whatever lies there by now is read as safetensors, which run nothing.
    with _explaining(path), safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Weights(tensors, file.metadata() or {})


def count_parameters(path: Path, *, allow_pickle: bool | None = None) -> int:
    """Numbers in a file; see `read_shapes`."""
    return sum(prod(shape) for shape in read_shapes(path, allow_pickle=allow_pickle).values())


def _unpickle(path: Path, stream: BinaryIO, device: str) -> dict[str, Tensor]:
    """Through torch's weights-only unpickler, which calls nothing but what builds tensors, from the file that was checked."""
    import torch

    _check_zip(path, stream)
    try:
        content = torch.load(stream, map_location=device, weights_only=True)
    except Exception as error:
        # A damaged or hostile pickle can make it stumble over anything; each way means that the file cannot be read.
        raise ModelMismatch(_reason(path, error), hint="use the .safetensors version") from error
    for _ in range(_DEEPEST):
        if isinstance(content, Mapping) and isinstance(content.get(_WRAPPER), Mapping):
            content = content[_WRAPPER]
    entries = list(islice(_entries(content, _DEEPEST), MOST_TENSORS + 1))
    if len(entries) > MOST_TENSORS:
        hint = "no model has so many: use the .safetensors version"
        raise ModelMismatch(f"{path} is a pickle of more than {MOST_TENSORS} entries", hint=hint)
    return {name: value.detach() for name, value in entries if isinstance(value, torch.Tensor)}


def _entries(content: Any, levels: int) -> Iterator[tuple[str, Any]]:
    """Everything in dictionaries, and in those within: a few that hold one another many times can stand for billions."""
    if not isinstance(content, Mapping) or not levels:
        return
    for name, value in content.items():
        yield str(name), value
        for inner, tensor in _entries(value, levels - 1):
            yield f"{name}.{inner}", tensor


def _check_zip(path: Path, stream: BinaryIO) -> None:
    """Refuse programs, and zips that unpack to more than they are: `torch.save` stores its entries as they are.

    Raises:
        ModelMismatch: such a zip, or a damaged one.
    """
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        return
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    stream.seek(0)
    if any(entry.filename.endswith("constants.pkl") for entry in entries):
        raise ModelMismatch(f"{path} is TorchScript, a program", hint="use the .safetensors version")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelMismatch(f"{path} is compressed, which torch.save never does", hint="use the .safetensors version")


def _reason(path: Path, error: Exception) -> str:
    text = str(error)
    if refused := _REFUSED.search(text):
        return f"{path} is a pickle that holds more than weights: it would call {refused[1]}, which was refused"
    # torch's messages run over a page of advice; what went wrong stands behind this word, if it stands there at all
    named = text.partition("WeightsUnpickler error:")[2] or text
    lines = [line.strip() for line in named.splitlines() if line.strip()] or [type(error).__name__]
    return f"{path} is a pickle from which no weights can be read ({lines[0]})"


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise ModelMismatch(
            f"{path} is damaged or no safetensors file ({error})", hint="delete it and get it again"
        ) from error
