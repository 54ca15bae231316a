"""`sd-core run`: a saved request once more."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sd_core.errors import Cancelled, NotAllowed
from sd_core.metadata import check_names, inputs_folder, load_request
from sd_core.requests import Request
from sd_core.saving import free_path

from .command import DEVICE, DTYPE, JSON, OUTPUT, OVERWRITE, SERVER, TOKEN
from .exits import errors_as_json, say
from .running import RunOptions, run_and_save

TRUST = Annotated[bool, typer.Option("--trust", help="Let it use all models and files that it names, without asking.")]


def run(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    picture: Annotated[Path, typer.Argument(help="A PNG that sd-core wrote, or a request as .json.")],
    python: Annotated[bool, typer.Option("--python", help="Print the request as Python source; run nothing.")] = False,
    trust: TRUST = False,
    output: OUTPUT = None,
    overwrite: OVERWRITE = False,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    server: SERVER = None,
    token: TOKEN = None,
    json: JSON = False,
) -> None:
    """Run the request that a saved picture carries: the same image again."""
    if json:
        errors_as_json(ctx)
    # Read once: what was checked is what runs, also if the file is replaced meanwhile.
    request = load_request(picture, trust=True)
    if python:
        typer.echo(request.to_python(inputs_folder(picture)), nl=False)
        return
    if not trust:
        _check(picture, request, remote=server is not None, ask=not json)
    again = output or free_path(picture.with_name(f"{picture.stem}-again"), ".png")
    where = RunOptions(output=again, overwrite=overwrite, sources=(picture,), device=device, dtype=dtype, server=server)
    run_and_save(ctx, request, replace(where, token=token, json=json), "run")


def _check(picture: Path, request: Request, *, remote: bool, ask: bool) -> None:
    """Ask whether the request may use what it names, where somebody is there to ask.

    Raises:
        NotAllowed: it may not.
        Cancelled: instead of an answer.
    """
    try:
        check_names(picture, request, remote=remote)
    except NotAllowed as error:
        if not ask or not (sys.stdin.isatty() and sys.stderr.isatty()) or not _agrees(picture, error):
            raise


def _agrees(picture: Path, error: NotAllowed) -> bool:
    say(f"{picture} asks to use", err=True)
    for each in error.names:
        say(f"  {each['role']}: {each['shown']}  (at {each['place']})", err=True)
    say(f"Say yes only if you know where the picture comes from. For good, {error.hint}", err=True)
    try:
        return typer.confirm("Use it this time?", default=False, err=True)
    except typer.Abort as abort:  # Ctrl-C, or the end of the input
        raise Cancelled from abort
