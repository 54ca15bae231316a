"""What the JSON files of a model may say: nothing in them names code, a file elsewhere, or a package to import."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sd_core.errors import ModelMismatch
from sd_core.files import open_regular

from .config_sizes import check_sizes

_LONGEST = 64 * 1024**2
"""Bytes; the largest JSON of a published model is a tokenizer of some 3 MB."""

_TABLES = ("vocab.json", "tokenizer.json", "vocabulary.json")
"""Plain vocabulary files, which the tokenizers' parsers read."""

_INDEX = ".index"
"""In the names of lists of shards, which tell how many bytes they take."""

_TEXTS = (".json", ".txt", ".jinja")
"""Files that the libraries read whole."""

_CODE = {
    "auto_map": "classes in files of its own",
    "custom_pipeline": "a pipeline of its own",
    "custom_pipelines": "pipelines of its own",
    # its classes import the packages of their methods
    "quantization_config": "a quantizer",
    # overrules which file the weights are read from
    "transformers_weights": "another file of weights",
    # both make transformers ask the package timm, which fetches by any name
    "use_timm_backbone": "a network of the package timm",
    "timm_config": "a network of the package timm",
}
"""Keys by which diffusers and transformers are led to code, packages or other files, at any depth, unless empty."""

_ATTENTION = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")
_ALLOWED_ATTENTION = (None, "eager", "sdpa")
"""transformers fetches and imports any other name as a kernel from the hub."""

_ADAPTER = "adapter_config.json"

_TEXT_ENCODERS = re.compile(r"CLIPTextModel(WithProjection)?")
_TOKENIZERS = re.compile(r"CLIPTokenizer(Fast)?")
_PARTS = {
    "unet": ("diffusers", re.compile(r"UNet2DConditionModel")),
    "vae": ("diffusers", re.compile(r"AutoencoderKL|AutoencoderTiny")),
    "scheduler": ("diffusers", re.compile(r"\w+Scheduler")),
    "text_encoder": ("transformers", _TEXT_ENCODERS),
    "text_encoder_2": ("transformers", _TEXT_ENCODERS),
    "tokenizer": ("transformers", _TOKENIZERS),
    "tokenizer_2": ("transformers", _TOKENIZERS),
}
"""What `model_index.json` may name: diffusers imports whatever stands there."""

UNUSED_COMPONENTS = ("safety_checker", "feature_extractor", "image_encoder", "depth_estimator")
"""Parts of published pipelines that the engine has no use for and never loads."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model.

    Raises:
        ModelMismatch: it is damaged, or no object.
    """
    try:
        with open_regular(path) as stream:
            raw = stream.read(_LONGEST + 1)
        if len(raw) > _LONGEST:
            raise _too_long(path)
        value = json.loads(raw.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelMismatch(f"{path} is damaged ({str(error) or type(error).__name__})", hint="get it again") from error
    if not isinstance(value, dict):
        raise ModelMismatch(f"{path} is damaged (it is no JSON object)", hint="get it again")
    return value


def check_components(folder: Path, index: Mapping[str, Any]) -> None:
    """Refuse a pipeline of other parts than Stable Diffusion's, by the classes in its `model_index.json`.

    Raises:
        ModelMismatch: names the part and what it should be.
    """
    if not isinstance(index.get("_class_name"), str):
        raise _refusal(folder / "model_index.json", "names a pipeline of its own")
    for name, value in index.items():
        if name in UNUSED_COMPONENTS or not isinstance(value, list) or not any(value):
            continue
        library, known = _PARTS.get(name, (None, re.compile(r"\w+")))
        named = [str(item) for item in value]
        fits = len(named) == 2 and named[0] in ((library,) if library else ("diffusers", "transformers"))
        if not fits or not known.fullmatch(named[1]):
            raise _refusal(folder / "model_index.json", f"names {'.'.join(named)} as its {name}")


def check_configurations(folder: Path) -> None:
    """Refuse a part whose configurations name code, packages or files elsewhere, or ask for more than any model has.

    Raises:
        ModelMismatch: names the file and what it asks for, or says that it is damaged.
    """
    _check_files(folder)
    if (folder / _ADAPTER).is_file():
        raise _refusal(folder / _ADAPTER, "names another model, which would be loaded in place of this one")
    for path in sorted(folder.glob("*.json")):
        if path.name not in _TABLES:
            entries = list(_entries(read_json(path)))
            for key, value in entries:
                _check_entry(path, key, value)
            if _INDEX not in path.name:
                check_sizes(path, entries)


def _check_files(folder: Path) -> None:
    """The libraries open what lies there by its name: nothing may be endless, or never answer."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            status = path.stat()
        except OSError:
            continue  # whoever needs it says that it is not there
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ModelMismatch(f"{path} is no regular file", hint="get the model again")
        if path.suffix in _TEXTS and status.st_size > _LONGEST:
            raise _too_long(path)


def _too_long(path: Path) -> ModelMismatch:
    return ModelMismatch(f"{path} is longer than any configuration", hint="get it again")


def check_file_name(index: Path, name: Any) -> str:
    """A file that an index of shards names, which must be in the same folder.

    Raises:
        ModelMismatch: it is a path, or of another format than safetensors.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[\w. -]+", name) or name.startswith("."):
        raise _refusal(index, f"names {name!r}, which is no file in its folder")
    return name


def _check_entry(path: Path, key: str, value: Any) -> None:
    if key in _CODE and value:
        raise _refusal(path, f"names {_CODE[key]} ({key})")
    if key in _ATTENTION and value not in _ALLOWED_ATTENTION:
        raise _refusal(path, f"names attention code ({key} = {value!r})")
    if key == "model_type" and str(value).startswith("timm"):
        raise _refusal(path, f"names {_CODE['timm_config']} ({key} = {value!r})")


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item.items()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _refusal(path: Path, what: str) -> ModelMismatch:
    return ModelMismatch(
        f"{path} {what}; files name no code here",
        hint="use a Stable Diffusion 1.x, 2.x or XL of diffusers' own classes",
    )
