"""`sd-core demo`: a few pictures that show what the engine does."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sd_core.backend import Backend
from sd_core.destination import check_destination
from sd_core.display import contact_sheet
from sd_core.encoding import encode_png
from sd_core.errors import RequestError
from sd_core.files import make_folder, write_files
from sd_core.outputs import check_folder
from sd_core.passes import depth_control, finite_range
from sd_core.requests import DepthToImage, Request, Seamless, TextToImage, Texture
from sd_core.results import Result
from sd_core.values import Array, to_pillow

from ..commands.text_forms import read_depth
from .command import DEVICE, DTYPE, OVERWRITE, SERVER, TOKEN
from .exits import say
from .running import RunOptions, open_engine, print_result, run

_SIDE = 256
_SHEET = "sheet.png"
_SCENE = "suzanne.npz"
"""Depth of Blender's monkey on a plane, 256 x 256 px, as examples/render_passes.py renders it."""


def demo(  # noqa: PLR0913, PLR0917 - one for each option
    folder: Annotated[Path, typer.Argument(help="Output folder; created if it is missing.")] = Path("demo"),
    overwrite: OVERWRITE = False,
    seed: Annotated[int, typer.Option(help="Seed of all pictures.")] = 7,
    model: Annotated[str, typer.Option(help="As in txt2img.")] = "builtin",
    controlnet: Annotated[
        str | None, typer.Option(help="As in depth2img.", show_default="the one that suits the model")
    ] = None,
    device: DEVICE = "auto",
    dtype: DTYPE = "auto",
    server: SERVER = None,
    token: TOKEN = None,
) -> None:
    """Make an image from text, one from the depth of a rendered scene, a tiling texture, and a sheet of all three."""
    depth = scene_depth()
    requests: dict[str, Request] = {
        "text": TextToImage(prompt="a floor of turquoise cobblestone", seed=seed, model=model),
        "scene": DepthToImage(
            prompt="a sculpture of red scales", depth=depth, controlnet=controlnet, seed=seed, model=model
        ),
        "texture": Texture(
            prompt="purple quilt", width=_SIDE, height=_SIDE, seamless=Seamless.XY, seed=seed, model=model
        ),
    }
    _check(folder, requests, overwrite=overwrite)
    with open_engine(RunOptions(device=device, dtype=dtype, server=server, token=token)) as engine:
        results = {name: _make(engine, request, folder / f"{name}.png") for name, request in requests.items()}
    first, *others = _tiles(results, depth)
    tiles = [first, *(_scale(tile, first.shape[0]) for tile in others)]
    sheet = contact_sheet(tiles, columns=len(tiles), gap=8)
    write_files([(folder / _SHEET, encode_png(sheet))])
    say(f"wrote {folder / _SHEET}  (text, depth of the scene, scene, texture repeated twice)")


def _check(folder: Path, requests: dict[str, Request], *, overwrite: bool) -> None:
    """See that all pictures can be written, before any is made."""
    check_folder(folder, will_be_made=True)
    make_folder(folder)
    for name, request in requests.items():
        check_destination(request, folder / f"{name}.png", overwrite=overwrite)
    if (folder / _SHEET).exists() and not overwrite:
        hint = "choose another folder, or allow it with --overwrite"
        raise RequestError("folder", f"{folder / _SHEET} is there already", hint=hint)


def scene_depth() -> Array:
    """(256, 256) float32 planar depth in scene units, inf = background."""
    with as_file(files("sd_core.cli") / _SCENE) as path:
        depth = read_depth(str(path))
    assert isinstance(depth, np.ndarray), "an archive gives an array"
    return depth


def _make(engine: Backend, request: Request, path: Path) -> Result:
    result = run(engine, request, title=path.stem)
    print_result(result, result.save(path))
    return result


def _tiles(results: dict[str, Result], depth: Array) -> list[Array]:
    control = np.rint(depth_control(depth, finite_range(depth)) * 255).astype(np.uint8)
    repeated = np.tile(results["texture"].images[0], (2, 2, 1))
    return [
        results["text"].images[0],
        np.repeat(control[..., None], 3, axis=2),
        results["scene"].images[0],
        repeated,
    ]


def _scale(picture: Array, height: int) -> Array:
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.asarray(to_pillow(picture).resize((width, height)))
