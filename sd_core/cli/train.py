"""`sd-core train builtin STAGE`: the built-in model from nothing, one stage after the other."""

from __future__ import annotations

import json as codec
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exits import errors_as_json, say
from .progress import Display

if TYPE_CHECKING:
    from sd_core.training.loop import Progress

app = typer.Typer(help="Train the built-in model.", no_args_is_help=True)


class StageName(StrEnum):
    """The stages, in the order in which they are run.

    The decoder's is a finish that sharpens grain; a text encoder that starts from a whole model learns to read again, and the
    UNet and the ControlNet are fitted to it; `together` goes on with both at once. `maps` is the estimator of material maps,
    which needs nothing but an autoencoder.
    """

    AUTOENCODER = "autoencoder"
    DECODER = "decoder"
    TEXT_ENCODER = "text_encoder"
    UNET = "unet"
    CONTROLNET = "controlnet"
    TOGETHER = "together"
    MAPS = "maps"


class SizeName(StrEnum):
    """How large the networks are."""

    FULL = "full"
    TINY = "tiny"


@app.callback()
def _train() -> None:
    """Train the model that is built in, on pictures that are generated on the way."""


@app.command("builtin")
def builtin(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    stage: Annotated[StageName, typer.Argument(help="Part to train.")],
    out: Annotated[
        Path, typer.Option(help="Folder of the run; all stages share it. The model is in its folder `model`.")
    ],
    start: Annotated[Path | None, typer.Option(help="Model folder to start from, instead of random weights.")] = None,
    size: Annotated[SizeName, typer.Option(help="`tiny` runs in seconds, to test the code.")] = SizeName.FULL,
    steps: Annotated[int | None, typer.Option(show_default="as the recipe")] = None,
    batch: Annotated[int | None, typer.Option(show_default="as the recipe")] = None,
    images: Annotated[
        int | None, typer.Option(help="Number of generated pictures.", show_default="as the recipe")
    ] = None,
    processes: Annotated[int, typer.Option(help="Processes that share the work.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted run in `out`.")] = True,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON for each report.")] = False,
) -> None:
    """Train one stage: seeded, and resumable after a kill. Ctrl-C stops it; the same command goes on."""
    from sd_core.training.config import Size, TrainConfig
    from sd_core.training.stages import train

    if json:
        errors_as_json(ctx)
    given = {"steps": steps, "batch": batch, "images": images}
    recipe = TrainConfig.default(stage.value, size=Size(size.value))
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = replace(recipe, processes=processes, seed=seed, **changes)
    with Display(quiet=json) as display:
        for progress in train(config, out, start=start, resume=resume):
            _print_progress(progress, display, as_json=json)
    if not json:
        say(f"wrote {out / 'model'}")


def _print_progress(progress: Progress, display: Display, *, as_json: bool) -> None:
    if as_json:
        fields = {
            "stage": progress.stage,
            "phase": progress.phase,
            "done": progress.done,
            "count": progress.count,
            "seconds_left": progress.seconds_left,
            "figures": progress.figures,
            "picture": None if progress.picture is None else str(progress.picture),
        }
        typer.echo(codec.dumps(fields))
        return
    figures = "  ".join(f"{name} {value:.4g}" for name, value in progress.figures.items())
    display.update(f"{progress.phase}  {figures}".strip(), progress.done, progress.count, progress.seconds_left)
    if progress.picture is not None:
        say(f"wrote {progress.picture}")
