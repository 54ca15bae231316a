"""`sd-core models`: the checkpoints that are known by name, and those on this machine."""

from __future__ import annotations

import json as codec
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sd_core.errors import RequestError
from sd_core.paths import home_folder
from sd_core.trust import approvals, approve, printable, withdraw

from .exits import errors_as_json, say
from .progress import readable_bytes

if TYPE_CHECKING:
    from sd_core.models import ModelInfo

app = typer.Typer(help="List, fetch, describe, remove and allow models.", no_args_is_help=True)

_NAME = Annotated[str, typer.Argument(help="A name of the list, or a Hugging Face id.")]
_NAMES = Annotated[list[str], typer.Argument(metavar="PATH|HUB_ID...", help="Files, folders or Hugging Face ids.")]
_JSON = Annotated[bool, typer.Option("--json", help="As lines of JSON.")]


@app.command("list")
def list_(ctx: typer.Context, json: _JSON = False) -> None:
    """List the models that are known by name, and those in the hub's cache."""
    from sd_core.models import list_models

    found = list_models()
    if json:
        errors_as_json(ctx)
        for info in found:
            typer.echo(codec.dumps(asdict(info)))
        return
    table = Table("name", "family", "size", "here", "about", box=None, pad_edge=False, header_style="bold")
    for info in found:
        here = readable_bytes(info.size) if info.present else "no"
        table.add_row(printable(info.name), info.family or "", _side(info), here, info.about)
    Console(highlight=False, markup=False).print(table)


@app.command()
def show(ctx: typer.Context, name: _NAME, json: _JSON = False) -> None:
    """Describe a model: licence, defaults, its ControlNets."""
    from sd_core.models import show_model

    if json:
        errors_as_json(ctx)
    info = show_model(name)
    if json:
        typer.echo(codec.dumps(asdict(info)))
        return
    for label, value in _facts(info).items():
        say(f"{label:<14}{value}")


@app.command()
def pull(name: _NAME) -> None:
    """Fetch the newest files of a model from the hub."""
    from sd_core.models import pull_model

    say(f"{name} is in {pull_model(name)}")


@app.command()
def remove(name: _NAME) -> None:
    """Delete the files of a model from the hub's cache."""
    from sd_core.models import remove_model

    say(f"removed {name}, {readable_bytes(remove_model(name))} are free again")


@app.command()
def allow(names: _NAMES) -> None:
    """Let requests from pictures, scenes and the network use models and files: paths, folders with all in them, hub ids."""
    for item in approve(home_folder(), names):
        say(f"allowed {item}")


@app.command()
def disallow(names: _NAMES) -> None:
    """Take back what was allowed."""
    removed = withdraw(home_folder(), names)
    for item in removed:
        say(f"no longer allowed: {item}")
    if not removed:
        raise RequestError("names", "none of them was allowed", hint="see: sd-core models allowed")


@app.command()
def allowed(ctx: typer.Context, json: _JSON = False) -> None:
    """List what was allowed besides the catalogue and the folders models and loras in SD_CORE_HOME."""
    if json:
        errors_as_json(ctx)
    for item in approvals(home_folder()):
        typer.echo(codec.dumps(item) if json else printable(item))


def _side(info: ModelInfo) -> str:
    return "" if info.defaults is None else f"{info.defaults.width} px"


def _facts(info: ModelInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": info.name,
        "about": info.about,
        "hub id": info.hub_id or "none, it is part of the package",
        "family": info.family or "not known before it is loaded",
        "reads": info.unet_input or "not known before it is loaded",
        "licence": info.licence,
        "here": f"yes, {readable_bytes(info.size)}" if info.present else "no",
    }
    if info.defaults is not None:
        chosen = info.defaults
        facts["size"] = f"{chosen.width} x {chosen.height} px"
        facts["steps"] = chosen.num_inference_steps
        facts["guidance"] = f"{chosen.guidance_scale:g}"
        facts["scheduler"] = chosen.scheduler or "its own"
    if info.controlnets:
        facts["controls"] = ", ".join(known.kind for known in info.controlnets)
    return facts
