"""Presets: values for some fields under one name; the named styles, and the user's own in small files.

Every notebook of this user offers those, also tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

from sd_core.errors import RequestError
from sd_core.files import output_error, write_files
from sd_core.paths import home_folder
from sd_core.requests import COMMANDS, Generation, Request, apply_style, replace, styles
from sd_core.values import field_specs
from sd_core.values.codec import decode_field, encode_field
from sd_core.wire.results import blobs_named

from .fields import SIZES, shown_fields

PresetValues = Mapping[str, Any]
"""Values by field."""

BUILT_IN: Mapping[str, PresetValues] = MappingProxyType(
    {
        "Draft: 8 steps": {"num_inference_steps": 8},
        "Final: 40 steps": {"num_inference_steps": 40},
        "Four variations": {"num_images": 4, "seed": None},
        "Seamless": {"seamless": "xy"},
        "Defaults of the model": {
            "width": None, "height": None, "num_inference_steps": None, "guidance_scale": None, "scheduler": None,
        },
    }
)  # fmt: skip

_SUFFIX = ".json"
_MAX_NAME_LENGTH = 200
"""Letters of a file's name, which disks bound to 255."""

_FIELDS = frozenset(name for kind in COMMANDS.values() for name in field_specs(kind))

_STYLE = "Style: "


def settings_of(request: Request) -> PresetValues:
    """What a preset keeps of a request: all that belongs to no single image, also where it is at its default."""
    names = [spec.name for spec in shown_fields(type(request)).values() if spec.about.preset]
    return {name: getattr(request, name) for name in names}


def preset_names(saved_presets: Iterable[str]) -> list[str]:
    """All presets in the order in which they are offered; the user's first."""
    return [*saved_presets, *BUILT_IN, *(f"{_STYLE}{name}" for name in styles())]


def apply_preset(name: str, request: Request, saved_presets: Mapping[str, PresetValues]) -> Request:
    """The request with a preset's values; without fields that its kind does not have, and a size that its picture fixes.

    Raises:
        RequestError: there is no such preset, or a value does not suit this request.
    """
    if name.startswith(_STYLE) and isinstance(request, Generation):
        return apply_style(name.removeprefix(_STYLE), request)
    values = saved_presets[name] if name in saved_presets else BUILT_IN.get(name)
    if values is None:
        raise RequestError("preset", f"there is no preset {name!r}", hint="choose one from the list")
    known = shown_fields(type(request)).keys() - _fixed_fields(request)
    return replace(request, **{field: value for field, value in values.items() if field in known})


def _fixed_fields(request: Request) -> frozenset[str]:
    """The fields of a size that the request gets from its pictures."""
    if not isinstance(request, Generation):
        return frozenset()
    return SIZES if replace(request, width=None, height=None).size is not None else frozenset()


class SavedPresets(MutableMapping[str, PresetValues]):
    """Presets by name, one file each in `presets` of `SD_CORE_HOME`, else of the platform's folder for user data.

    The folder is read at every use: two notebooks may save into it. A file appears whole or not at all.

    Raises:
        RequestError: a name that no preset can have, a value that a preset cannot hold, a damaged file.
        OutputError: it cannot be written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = home_folder() / "presets" if folder is None else folder
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever one is saved or deleted here."""
        self._listeners.append(listener)

    def __getitem__(self, name: str) -> PresetValues:
        path = self._path(name)
        if not path.is_file():
            raise KeyError(name)
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return {field: decode_field(value, field) for field, value in fields.items()}
        except (OSError, ValueError, AttributeError, RequestError) as error:
            raise RequestError(
                "preset", f"{path} cannot be read: {error}", hint="save it again, or delete it"
            ) from error

    def __setitem__(self, name: str, values: PresetValues) -> None:
        path = self._path(_check_name(name))
        fields = {field: _to_json(field, value) for field, value in values.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self._folder, error) from error
        write_files([(path, json.dumps(fields, indent=1).encode())])
        self._notify()

    def __delitem__(self, name: str) -> None:
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError as error:
            raise KeyError(name) from error
        except OSError as error:
            raise output_error(path, error) from error
        self._notify()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted((unquote(path.stem) for path in self._folder.glob(f"*{_SUFFIX}")), key=str.casefold))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._path(name).is_file()

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()

    def _path(self, name: str) -> Path:
        return self._folder / f"{quote(name, safe=' ')}{_SUFFIX}"


def _check_name(name: str) -> str:
    if name in preset_names({}):
        raise RequestError(
            "preset", f"{name!r} is a built-in preset and cannot be replaced", hint="choose another name"
        )
    if name != name.strip() or not name.isprintable() or not 0 < len(quote(name)) <= _MAX_NAME_LENGTH:
        raise RequestError("preset", f"cannot be called {name!r:.80}", hint="give it a short name of plain letters")
    return name


def _to_json(field: str, value: object) -> object:
    """A value as JSON."""
    if field not in _FIELDS:
        raise RequestError(field, "is no field of a request", hint=f"use some of {', '.join(sorted(_FIELDS))}")
    try:
        plain = json.loads(
            json.dumps(encode_field(tuple(value) if isinstance(value, list) else value), allow_nan=False)
        )
    except (TypeError, ValueError) as error:
        raise RequestError(field, f"cannot be kept in a preset: {error}", hint="leave it out") from error
    if blobs_named(plain):
        raise RequestError(field, "contains an image: images cannot be stored in a preset", hint="leave it out")
    return plain
