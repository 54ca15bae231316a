"""The commands of `sd-core`. torch is imported by those that need it, when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from sd_core._version import __version__
from sd_core.requests import Output, request_kinds

from .animate import animate_command
from .backup import backup
from .bench import bench
from .command import request_command
from .demo import demo
from .doctor import doctor
from .exits import ErrorsToExitCodes
from .models import app as models
from .rerun import run
from .serve import serve
from .train import app as train


def main() -> None:
    """Run the program; ends with exit code 0, 1 (failed), 2 (a bad request) or 130 (cancelled)."""
    make_app()()


def make_app() -> typer.Typer:
    """The program with all its commands."""
    app = typer.Typer(
        name="sd-core",
        cls=ErrorsToExitCodes,
        help="Stable Diffusion for pictures, rendered scenes and textures.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_show_locals=False,
    )
    app.callback()(_program)
    for kind in request_kinds():
        is_animation = kind.output is Output.FRAMES
        command = animate_command() if is_animation else request_command(kind.command, kind.request)
        app.command(kind.command, rich_help_panel="Pictures")(command)
    app.command("run", rich_help_panel="Pictures")(run)
    app.command("demo", rich_help_panel="Pictures")(demo)
    app.add_typer(models, name="models", rich_help_panel="Machine and models")
    app.add_typer(train, name="train", rich_help_panel="Machine and models")
    app.command("bench", rich_help_panel="Machine and models")(bench)
    app.command("doctor", rich_help_panel="Machine and models")(doctor)
    app.command("serve", rich_help_panel="Machine and models")(serve)
    app.command("backup", rich_help_panel="Machine and models")(backup)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sd-core {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stable Diffusion for pictures, rendered scenes and textures."""
