"""`sd-core animate`: a styled frame for every rendered frame, a page about them, and perhaps a movie."""

from __future__ import annotations

import importlib.util
import json as codec
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from sd_core.animation.layout import finished_count
from sd_core.backend import Backend, RemoteBackend
from sd_core.error_codes import ErrorCode
from sd_core.errors import Cancelled, RequestError
from sd_core.events import Event, FrameEvent, StepEvent
from sd_core.requests import Animation, apply_style
from sd_core.requests.resolved import seed_of
from sd_core.results import Result

from ..commands.options import build, context, parameters, style_option, take
from .animate_there import run_on_server
from .command import RunTarget, shared_parameters
from .exits import errors_as_json, print_warnings, say
from .progress import Display
from .running import RunOptions, follow, free_output_path, open_engine

_FILES = "What is written"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What is written besides the frames and their report."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Output folder; created if it is missing.", show_default="a free name after the prompt",
            rich_help_panel=_FILES,
        ),
    ] = None  # fmt: skip
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.", rich_help_panel=_FILES)] = (
        False
    )
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Generate all frames again, also those that exist.", rich_help_panel=_FILES),
    ] = False
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=240, help="Frames per second.", show_default="as the video, else 24", rich_help_panel=_FILES
        ),
    ] = None
    mp4: Annotated[bool, typer.Option("--mp4", help="Also write animation.mp4.", rich_help_panel=_FILES)] = False
    gif: Annotated[bool, typer.Option("--gif", help="Also write animation.gif.", rich_help_panel=_FILES)] = False
    exr: Annotated[
        bool, typer.Option("--exr", help="Also write exr/000000.exr ..., in linear light.", rich_help_panel=_FILES)
    ] = False
    page: Annotated[bool, typer.Option(help="Write report.html: a player, and plots.", rich_help_panel=_FILES)] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunArguments(RunTarget):
    """How it is run."""

    json: Annotated[
        bool, typer.Option("--json", help="One line of JSON for each frame.", rich_help_panel="How it is run")
    ] = False


def animate_command() -> Callable[..., None]:
    """The command, with the fields of `Animation` as options."""

    def command(ctx: typer.Context, **given: Any) -> None:
        style = given.pop("style", None)
        files = _Files(**{field.name: given.pop(field.name) for field in fields(_Files)})
        how = RunOptions(**{field.name: given.pop(field.name) for field in fields(_RunArguments)})
        how = replace(how, resume=files.resume, overwrite=files.overwrite)
        if how.json:
            errors_as_json(ctx)
        request = cast("Animation", build(Animation, given))
        _animate(cast("Animation", apply_style(style, request)) if style else request, files, how)

    shared = (*shared_parameters(_Files), *shared_parameters(_RunArguments))
    take(command, (context(), *parameters(Animation), style_option(), *shared))
    command.__doc__ = "A styled frame for every rendered frame, in order, holding still where the scene does."
    return command


def _animate(request: Animation, files: _Files, options: RunOptions) -> None:
    _check(request, files, options)
    folder = files.output or free_output_path(request, "animation")
    _check_folder(request, files, folder)
    fps = files.fps or _frame_rate(request) or 24.0
    with open_engine(options) as engine:
        result = _run(engine, request, folder, options)
    written = [*_write_files(request, files, folder, fps)]
    (_print_summary_json if options.json else _print_summary)(result, folder, written)


def _check(request: Animation, files: _Files, options: RunOptions) -> None:
    """What would only be found out after hours.

    Raises:
        RequestError: a package is missing, a rate that GIF has not, no folder to resume, resuming behind a server.
    """
    if files.mp4 and importlib.util.find_spec("av") is None:
        raise RequestError("mp4", "needs PyAV", hint="pip install 'sd-core[video]'")
    if files.gif and (files.fps or 0) > 50:
        raise RequestError("fps", "must be at most 50 for a GIF", hint="leave out --gif, or use a lower rate")
    if files.resume and files.output is None:
        raise RequestError(
            "resume",
            "needs the folder of the run that was stopped",
            hint="name it with --output",
            code=ErrorCode.CANNOT_RESUME,
        )
    if files.resume and options.server is not None:
        raise RequestError(
            "resume", "is what a server does by itself", hint="leave it out", code=ErrorCode.CANNOT_RESUME
        )
    if files.resume and files.overwrite:
        raise RequestError("overwrite", "starts again, --resume continues", hint="choose one of them")


def _check_folder(request: Animation, files: _Files, folder: Path) -> None:
    """See that all files can be written, and nothing is lost by it.

    Raises:
        RequestError: there are frames, and nobody said what to do with them; it holds what the frames are made from; or it is
            no folder.
        OutputError: somebody else's file is in the way, somebody works there, or it cannot be written.
    """
    from sd_core.animation.layout import GIF, MP4, PAGE, open_folder, require_right
    from sd_core.animation.media.frame_source import open_frames
    from sd_core.outputs import check_folder
    from sd_core.sources import refuse_sources

    if folder.exists() and not folder.is_dir():
        raise RequestError("output", f"{folder} is a file", hint="name a folder")
    check_folder(folder, will_be_made=True)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    refuse_sources(request, folder)
    count = open_frames(request.replace(depth_estimator=None)).count  # counting needs no estimator
    with open_folder(folder) as opened:
        require_right(opened, request, count, resume=files.resume, overwrite=files.overwrite)
        wanted = ((MP4, files.mp4), (GIF, files.gif), (PAGE, files.page))
        opened.require_free(name for name, asked in wanted if asked)
        opened.require_free(
            f"exr/{path.name}" for path in folder.glob("exr/[0-9]*.exr") if files.exr and path.stem.isdigit()
        )


def _run(engine: Backend, request: Animation, folder: Path, options: RunOptions) -> Result:
    """Run under a progress bar; frames are committed as they are finished.

    Raises:
        SDError: what went wrong; `Cancelled` tells what is there and how to go on.
    """
    with Display(quiet=options.json) as display:
        show = partial(_show, display=display, as_json=options.json)
        if isinstance(engine, RemoteBackend):
            return run_on_server(engine, request, folder, show, overwrite=options.overwrite)
        try:
            return follow(engine.submit(request, folder, options.resume, options.overwrite), show)
        except (Cancelled, KeyboardInterrupt) as error:
            finished = finished_count(folder)
            kept = f"{finished} finished frames are in {folder}; the same command with -o {folder} --resume goes on"
            ended = Cancelled(hint=kept if finished else "")
            ended.warnings = getattr(error, "warnings", ())
            raise ended from error


def _show(event: Event, display: Display, *, as_json: bool) -> None:
    match event:
        case StepEvent(index=index, count=count, seconds_left=left, image=frame):
            display.update(f"frame {frame + 1}", index + 1, count, left)
        case FrameEvent(index=index, figures=figures):
            if as_json:
                typer.echo(codec.dumps({"frame": index, **figures}))
        case _:
            display.show(event)


def _write_files(request: Animation, files: _Files, folder: Path, fps: float) -> Iterator[Path]:
    """Write what was asked for besides the frames."""
    from sd_core.animation.layout import GIF, MP4, PAGE, exr_name, open_folder
    from sd_core.animation.media.frame_source import open_frames
    from sd_core.animation.media.movie import saved_frames, write_exr_frames, write_gif, write_mp4
    from sd_core.animation.media.report import write_page

    frames = saved_frames(folder)
    with open_folder(folder) as opened:
        wanted = {MP4: files.mp4, GIF: files.gif, PAGE: files.page}
        wanted |= {exr_name(index): files.exr for index in range(len(frames))}
        opened.set_changed_aside(
            (name for name, asked in wanted.items() if asked), lambda warning: print_warnings([warning])
        )
        if files.mp4:
            yield from opened.write({MP4: write_mp4(frames, opened.stage(MP4), fps)})
        if files.gif:
            yield from opened.write({GIF: write_gif(frames, opened.stage(GIF), min(fps, 50.0))})
        if files.exr:
            made = write_exr_frames(frames, opened.stage("exr"))
            yield opened.write({exr_name(index): path for index, path in enumerate(made)})[0].parent
    if files.page:
        plain = request.replace(depth_estimator=None)  # a page is not worth estimating depth twice
        yield write_page(folder, open_frames(plain).open, fps, request.overscan)


def _frame_rate(request: Animation) -> float | None:
    """The rate of a video; None for rendered frames and pictures."""
    passes = request.passes
    if not isinstance(passes, str) or "#" in Path(passes).name or passes.lower().endswith(".exr"):
        return None
    from sd_core.animation.media.picture_sequence import frame_rate

    return frame_rate(Path(passes))


def _print_summary(result: Result, folder: Path, written: list[Path]) -> None:
    print_warnings(result.warnings)
    height, width = result.images[0].shape[:2]
    facts = [f"{len(result.images)} frames", f"{width} x {height} px", f"seed {seed_of(result.request_as(Animation))}"]
    facts += [kept] if (kept := result.decisions.get("frames")) else []  # of a run that was resumed
    seconds = result.timings.get("total")
    say(f"wrote {folder / 'frames'}  ({', '.join(facts + ([f'{seconds:.1f} s'] if seconds else []))})")
    for path in written:
        say(f"wrote {path}")


def _print_summary_json(result: Result, folder: Path, written: list[Path]) -> None:
    line = {
        "output": str(folder),
        "frames": len(result.images),
        "seed": seed_of(result.request_as(Animation)),
        "written": [str(path) for path in written],
        "timings": dict(result.timings),
        "warnings": list(result.warnings),
        "decisions": dict(result.decisions),
    }
    typer.echo(codec.dumps(line))
