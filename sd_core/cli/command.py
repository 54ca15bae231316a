"""Commands that run a request: their options are the request's fields and a few about how it is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sd_core.requests import Request, apply_style, kind_of
from sd_core.requests.generation import Generation

from ..commands.options import build, context, keyword, parameters, style_option, take
from .exits import errors_as_json
from .running import RunOptions, run_and_save

OUTPUT = Annotated[
    Path | None, typer.Option("--output", "-o", help="Output file.", show_default="a free name after the prompt")
]
OVERWRITE = Annotated[bool, typer.Option("--overwrite", help="Replace existing files; otherwise they are an error.")]
DEVICE = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel="How it is run")]
DTYPE = Annotated[str, typer.Option(help="auto, float32, bfloat16, float16.", rich_help_panel="How it is run")]
SERVER = Annotated[
    str | None,
    typer.Option(envvar="SD_CORE_SERVER", help="URL of the server that runs it.", rich_help_panel="How it is run"),
]
TOKEN = Annotated[
    str | None, typer.Option(envvar="SD_CORE_TOKEN", help="Token of the server.", rich_help_panel="How it is run")
]
JSON = Annotated[bool, typer.Option("--json", help="One line of JSON for each image.", rich_help_panel="How it is run")]

WORK = Annotated[
    Path | None,
    typer.Option(help="Folder where finished views are kept.", show_default=False, rich_help_panel="How it is run"),
]
RESUME = Annotated[
    bool, typer.Option("--resume", help="Continue with the views in --work.", rich_help_panel="How it is run")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTarget:
    """On what a request is run, with the defaults."""

    device: DEVICE = "auto"
    dtype: DTYPE = "auto"
    server: SERVER = None
    token: TOKEN = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common(RunTarget):
    """The options of every such command."""

    output: OUTPUT = None
    overwrite: OVERWRITE = False
    json: JSON = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resumable:
    """The options of commands that can go on where they were stopped."""

    work: WORK = None
    resume: RESUME = False


def request_command(name: str, kind: type[Request]) -> Callable[..., None]:
    """A command that makes a request of its options, runs it and writes the images."""
    shared = (_Common, _Resumable) if kind_of(kind).commits else (_Common,)

    def command(ctx: typer.Context, **given: Any) -> None:
        style = given.pop("style", None)
        how = RunOptions(**{field.name: given.pop(field.name) for options in shared for field in fields(options)})
        if how.json:
            errors_as_json(ctx)
        request = build(kind, given)
        if style is not None and isinstance(request, Generation):
            request = apply_style(style, request)
        run_and_save(ctx, request, how, name)

    styled = (style_option(),) if issubclass(kind, Generation) else ()
    others = (parameter for options in shared for parameter in shared_parameters(options))
    take(command, (context(), *parameters(kind), *styled, *others))
    command.__doc__ = (kind.__doc__ or "").split("\n", 1)[0]
    return command


def shared_parameters(options: type[Any]) -> list[inspect.Parameter]:
    """The annotated fields of a dataclass as options."""
    hints = get_type_hints(options, include_extras=True)
    return [keyword(field.name, hints[field.name], field.default) for field in fields(options)]
