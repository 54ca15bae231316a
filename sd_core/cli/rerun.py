"""`sd-core run`: a saved request once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sd_core.metadata import inputs_folder, load_request
from sd_core.saving import free_path

from .command import DEVICE, DTYPE, JSON, OUTPUT, OVERWRITE, SERVER, TOKEN
from .running import How, run_and_save


def run(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    picture: Annotated[Path, typer.Argument(help="A PNG that sd-core wrote, or a request as .json.")],
    python: Annotated[bool, typer.Option("--python", help="Print the request as Python source; run nothing.")] = False,
    output: OUTPUT = None,
    overwrite: OVERWRITE = False,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    server: SERVER = None,
    token: TOKEN = None,
    json: JSON = False,
) -> None:
    """Run the request that a saved picture carries: the same image again."""
    request = load_request(picture)
    if python:
        typer.echo(request.to_python(inputs_folder(picture)), nl=False)
        return
    again = output or free_path(picture.with_name(f"{picture.stem}-again"), ".png")
    where = How(output=again, overwrite=overwrite, sources=(picture,), device=device, dtype=dtype, server=server)
    run_and_save(ctx, request, replace(where, token=token, json=json), "run")
