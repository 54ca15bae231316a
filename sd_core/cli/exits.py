"""How errors end the program, and how text gets to the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from sd_core.errors import Cancelled, RequestError, SDError
from sd_core.trust import printable

FAILED, BAD_REQUEST, CANCELLED = 1, 2, 130
"""Exit codes; 130 is what shells give after Ctrl-C."""

_JSON = "sd_core.json"


class ErrorsToExitCodes(TyperGroup):
    """A group whose commands may raise `SDError`, or be interrupted, and still end without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            return super().invoke(ctx)
        except (SDError, KeyboardInterrupt) as error:
            reason = error if isinstance(error, SDError) else Cancelled()
            _print_error(reason, as_json=bool(ctx.meta.get(_JSON)))
            raise typer.Exit(exit_code(reason)) from error


def exit_code(error: SDError) -> int:
    """The exit code that tells this error."""
    if isinstance(error, Cancelled):
        return CANCELLED
    return BAD_REQUEST if isinstance(error, RequestError) else FAILED


def errors_as_json(ctx: typer.Context) -> None:
    """From now on an error is one line of JSON on standard error."""
    ctx.meta[_JSON] = True


def say(text: str, *, err: bool = False, colour: str | None = None) -> None:
    """Write one line for a person to read.

    Names of files, and what is in them, may come from anyone: what would move the cursor, recolour the terminal or begin a
    line of its own is spelled out.
    """
    typer.secho(printable(text), err=err, fg=colour)


def _print_error(error: SDError, *, as_json: bool) -> None:
    if as_json:
        warnings = {"warnings": list(error.warnings)} if error.warnings else {}
        typer.echo(json.dumps(error.to_dict() | warnings), err=True)
        return
    print_warnings(error.warnings)
    if isinstance(error, Cancelled):
        say(f"cancelled: {error.hint or 'nothing was written'}", err=True)
    else:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            Text("error: ", "bold red"), printable(str(error)), sep="", markup=False
        )


def print_warnings(warnings: Iterable[str]) -> None:
    """What the user should know, however it ended."""
    for warning in warnings:
        say(f"note: {warning}", err=True, colour=typer.colors.YELLOW)
