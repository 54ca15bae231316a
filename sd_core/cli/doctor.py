"""`sd-core doctor`: what the engine found on this machine, and why it chooses as it does."""

from __future__ import annotations

import json as codec
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sd_core._version import __version__
from sd_core.trust import printable

from .progress import readable_bytes


def doctor(
    json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
) -> None:
    """Tell device, number formats, memory, versions and model folders, with the reasons."""
    facts = _facts()
    if json:
        typer.echo(codec.dumps(facts))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in _rows(facts):
        table.add_row(name, printable(value))
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


def _facts() -> dict[str, Any]:
    from sd_core.devices import describe

    return {"sd_core": __version__, **describe(), "builtin_model": _builtin()}


def _builtin() -> dict[str, Any]:
    """Whether the model inside the package is whole, by what loading it needs."""
    from sd_core.models import BUILTIN_FOLDER

    weights = sorted(BUILTIN_FOLDER.rglob("*.safetensors"))
    parts = {path.parent.name for path in weights}
    missing = sorted({"unet", "vae", "text_encoder", "controlnet"} - parts)
    size = sum(path.stat().st_size for path in weights)
    return {"folder": str(BUILTIN_FOLDER), "whole": not missing, "missing": missing, "bytes": size}


def _rows(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _rows(value, f"{label}: ")
        else:
            yield label, _readable(name, value)


def _readable(name: str, value: Any) -> str:
    if name in ("total", "free", "bytes"):
        return readable_bytes(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
