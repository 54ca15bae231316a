"""`sd-core bench`: how fast a model is on this machine."""

from __future__ import annotations

import json as codec
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from sd_core.requests import TextToImage
from sd_core.requests.resolved import steps_of

from .command import DEVICE, DTYPE
from .exits import errors_as_json
from .running import RunOptions, open_engine, run

if TYPE_CHECKING:
    from sd_core.results import Result

_PROMPT = "a wall of red bricks"


def bench(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    model: Annotated[str, typer.Option(help="As in txt2img.")] = "builtin",
    width: Annotated[int | None, typer.Option(help="px.", show_default="default of the model")] = None,
    height: Annotated[int | None, typer.Option(help="px.", show_default="default of the model")] = None,
    num_inference_steps: Annotated[int | None, typer.Option(show_default="default of the model")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Images after the first, of which the median is printed.")] = 3,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
) -> None:
    """Time one image: all of it with loading, then the parts of images made after it."""
    if json:
        errors_as_json(ctx)
    request = TextToImage(
        prompt=_PROMPT, width=width, height=height, num_inference_steps=num_inference_steps, seed=0, model=model
    )
    with open_engine(RunOptions(device=device, dtype=dtype, json=json)) as engine:
        first = run(engine, request, quiet=json, title="first image")
        later = [run(engine, request, quiet=json, title=f"round {index + 1}") for index in range(rounds)]
    _print_figures(_figures(first, later), first, as_json=json)


def _figures(first: Result, later: list[Result]) -> dict[str, float]:
    """Seconds by name."""
    parts = {name: median(result.timings[name] for result in later) for name in later[0].timings}
    steps = steps_of(first.request_as(TextToImage))
    return {"first image": first.timings["total"], **parts, "one step": parts["denoise"] / steps}


def _print_figures(figures: dict[str, float], result: Result, *, as_json: bool) -> None:
    height, width = result.images[0].shape[:2]
    steps = steps_of(result.request_as(TextToImage))
    if as_json:
        facts = {"width": width, "height": height, "steps": steps, "seconds": figures, **result.decisions}
        typer.echo(codec.dumps(facts))
        return
    decided = result.decisions
    typer.echo(f"{width} x {height} px, {steps} steps, {decided.get('device')}, {decided.get('dtype')}; seconds:")
    for name, seconds in figures.items():
        typer.echo(f"  {name:<14}{seconds:8.3f}")
