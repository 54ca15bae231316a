# SPDX-License-Identifier: GPL-3.0-or-later
"""Stylise animations without a window: on a render farm, in a script, over night.

    blender -b shot.blend --python-expr "from bl_ext.user_default.sd_core import farm; farm.main()" -- --start 1 --end 48

The settings are those that the file was saved with; options after `--` replace some of them. Frames that are there are taken up
with `--resume`. Several Blenders may make parts of one animation in the same folder, each its own frames.

Exit codes: 0 all is done, 1 it failed, 2 a setting or option is wrong, 130 it was cancelled (SIGINT, SIGTERM).
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import bpy

from sd_core.errors import Cancelled, RequestError, SDError

from . import jobs, registration
from .job import BlenderJob
from .operators.stylise_animation import output_of, stylise_animation
from .preferences import Preferences, read_preferences
from .scene.passes.exit import exit_blender

DONE, FAILED, USAGE_ERROR, CANCELLED = 0, 1, 2, 130

_POLL_INTERVAL = 0.05


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Stylise the frames and end Blender.

    Args:
        arguments: as after `--` on Blender's command line, which are taken where none are given.
    """
    given = _arguments_after_dashes(sys.argv) if arguments is None else arguments
    try:
        options = _parser().parse_args(given)
    except SystemExit as ended:  # what is wrong with them, or what `--help` says
        exit_blender(USAGE_ERROR if ended.code else DONE)
    exit_blender(run(options))


def run(options: argparse.Namespace) -> int:
    """Stylise the frames; gives the exit code."""
    try:
        animate(options)
    except Cancelled:
        _say("cancelled")
        return CANCELLED
    except RequestError as error:
        _say(f"error: {error}")
        return USAGE_ERROR
    except SDError as error:
        _say(f"error: {error}")
        return FAILED
    return DONE


def animate(options: argparse.Namespace) -> None:
    """Stylise the frames that the options name.

    Raises:
        SDError: why that is not possible; `Cancelled` after a signal.
    """
    if not hasattr(bpy.types.Scene, "sd_core"):
        registration.register()
    scene = _scene(options.scene)
    settings = scene.sd_core
    settings.prompt = options.prompt if options.prompt is not None else settings.prompt
    settings.stylise.output = options.output or settings.stylise.output
    layer = options.view_layer or next((layer.name for layer in scene.view_layers if layer.use), "")
    if layer not in scene.view_layers:
        raise RequestError(
            "view_layer", f"there is no {layer!r}", hint=", ".join(each.name for each in scene.view_layers)
        )
    frames = _frames(scene, options)
    job = stylise_animation(scene, layer, frames, resume=options.resume, preferences=_preferences(options))
    _cancel_on_signals(job)
    _wait_and_log(job)
    output = output_of(scene, frames)
    _say(f"wrote {output.folder / 'frames'}" + (f" and {output.video}" if output.video.is_file() else ""))


def _wait_and_log(job: BlenderJob) -> None:
    last_line = ""
    while not job.has_ended:
        if not jobs.handle_events(0.0):  # one event at a time: of several, a log wants each
            time.sleep(_POLL_INTERVAL)
        now = f"{job.stage}: {job.message}" if job.message else str(job.stage)
        if now != last_line:
            last_line = now
            _say(f"{now} ({job.progress:.0%})")
    if job.error is not None:
        raise job.error


def _cancel_on_signals(job: BlenderJob) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: job.cancel())


def _scene(name: str) -> bpy.types.Scene:
    if not name:
        return bpy.context.scene
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise RequestError("scene", f"there is no {name!r}", hint=", ".join(each.name for each in bpy.data.scenes))
    return scene


def _frames(scene: bpy.types.Scene, options: argparse.Namespace) -> range:
    start = scene.frame_start if options.start is None else options.start
    end = scene.frame_end if options.end is None else options.end
    return range(start, end + 1, options.step or scene.frame_step)


def _preferences(options: argparse.Namespace) -> Preferences:
    found = read_preferences()
    return replace(
        found,
        url=options.url or found.url,
        token=options.token or found.token,
        python=options.python or found.python,
        device=options.device or found.device,
        # Whoever names a server on the command line allows it.
        online=found.online or bool(options.url),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blender -b FILE ... --", description="Stylise the animation of a file.")
    parser.add_argument("--scene", default="", help="name of the scene (default: the active one)")
    parser.add_argument("--view-layer", default="", help="name of the view layer (default: the first that is rendered)")
    parser.add_argument("--start", type=int, help="first frame (default: start of the scene)")
    parser.add_argument("--end", type=int, help="last frame (default: end of the scene)")
    parser.add_argument("--step", type=int, help="frame step (default: step of the scene)")
    parser.add_argument("--prompt", help="prompt (default: prompt of the scene)")
    parser.add_argument("--output", default="", help="folder for all files (default: folder of the scene)")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run in the output folder")
    parser.add_argument(
        "--url", default="", help="URL of a running server (default: as in the preferences, else a server is started)"
    )
    parser.add_argument("--token", default="", help="bearer token of the server")
    parser.add_argument("--python", default="", help="the Python with sd_core, to start a server with")
    parser.add_argument("--device", default="", help="auto, cpu, cuda, cuda:1 or mps, for a server that is started")
    return parser


def _arguments_after_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[arguments.index("--") + 1 :] if "--" in arguments else ()


def _say(text: str) -> None:
    sys.stdout.write(f"sd_core: {text}\n")
    sys.stdout.flush()
