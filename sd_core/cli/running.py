"""Run one request, in process or on a server, and tell what was written."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from sd_core.backend import Backend
from sd_core.destination import check_destination
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError, SDError, ServerError
from sd_core.events import Event
from sd_core.jobs import Job
from sd_core.metadata import allowed_for_picture
from sd_core.requests import Adjust, Output, Request, kind_of
from sd_core.requests.generation import Generation
from sd_core.results import Result
from sd_core.saving import free_path, stem_of
from sd_core.trust import external_names

from .exits import errors_as_json, print_warnings, say
from .progress import Display

if TYPE_CHECKING:
    from sd_core.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Everything about a run that does not change the request.

    overwrite: what is there may be replaced. sources: files that the request comes from, which are never replaced.
    """

    output: Path | None = None
    overwrite: bool = False
    sources: tuple[Path, ...] = ()
    device: str = "auto"
    dtype: str = "auto"
    server: str | None = None
    token: str | None = None
    json: bool = False
    work: Path | None = None
    resume: bool = False


def run_and_save(ctx: typer.Context, request: Request, options: RunOptions, name: str) -> None:
    """Run a request, write its images and say which files they are.

    Raises:
        SDError: what went wrong; nothing half-written is left. Where it is to be written is looked at before the work.
    """
    if options.json:
        errors_as_json(ctx)
    _check_work(options)
    path = options.output or free_output_path(request, name)
    check_destination(request, path, overwrite=options.overwrite, sources=options.sources)
    result = _result(request, options)
    paths = result.save(path, overwrite=options.overwrite)
    (print_result_json if options.json else print_result)(result, paths)


def _check_work(options: RunOptions) -> None:
    if options.resume and options.work is None:
        raise RequestError(
            "resume",
            "needs the folder of the run that was stopped",
            hint="name it with --work",
            code=ErrorCode.CANNOT_RESUME,
        )
    if options.work is not None and options.server is not None:
        message = "is a folder of this machine, and the server keeps finished views itself"
        raise RequestError("work", message, hint="leave out --work and --resume, or --server")


def _result(request: Request, options: RunOptions) -> Result:
    if isinstance(request, Adjust) and options.server is None:
        return _adjust(request)
    with open_engine(options) as engine:
        overwrite = options.overwrite and not options.resume  # then it is meant for the picture
        return run(engine, request, quiet=options.json, work=options.work, resume=options.resume, overwrite=overwrite)


def _adjust(request: Adjust) -> Result:
    """As an engine gives it, without one: no model is asked, so nobody need wait for torch."""
    from sd_core.tasks.adjust import adjust

    start = perf_counter()
    picture = adjust(request)
    return Result(images=[picture], request=request, timings={"total": perf_counter() - start})


@contextmanager
def open_engine(options: RunOptions) -> Iterator[Backend]:
    """The engine in this process, or the connection to a server; closed at the end."""
    if options.server is not None:
        from sd_core.client import connect

        with _with_hint(lambda: connect(options.server, options.token)) as client:
            yield client
    else:
        with Display(quiet=options.json).waiting("starting"):
            from sd_core.engine import Engine

            engine = Engine(device=options.device, dtype=options.dtype)
        with engine:
            yield engine


def _with_hint(connect: Callable[[], Client]) -> Client:
    """A wrong token is reported with the option of this program."""
    try:
        return connect()
    except ServerError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            error.hint = "name it with --token, or in SD_CORE_TOKEN"
        raise


def run(
    engine: Backend,
    request: Request,
    *,
    quiet: bool = False,
    title: str = "",
    work: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Result:
    """Run a request under a progress bar.

    Args:
        work: folder where finished views are kept, so as to `resume`; or to `overwrite` what an earlier run left there.

    Raises:
        SDError: what went wrong.
    """
    with Display(quiet=quiet, title=title) as display:
        return follow(engine.submit(request, work, resume, overwrite and work is not None), display.show)


def follow(job: Job, show: Callable[[Event], None]) -> Result:
    """Show events as they come, up to the result; whatever else ends this, Ctrl-C too, cancels the job.

    Raises:
        SDError: what went wrong, or that it was cancelled.
    """
    try:
        for event in job.events():
            show(event)
    except KeyboardInterrupt:
        job.cancel()  # its warnings are printed when it has ended
    except BaseException:
        job.cancel()
        raise
    return job.result()


def free_output_path(request: Request, name: str) -> Path:
    """A file's name made of the prompt's first words that is not taken; for textures and animations a folder's."""
    suffix = ".png" if kind_of(request).output is Output.PICTURES else ""
    return free_path(stem_of(request, name), suffix)


def print_result(result: Result, paths: list[Path]) -> None:
    """Say what was written and how to make it again."""
    print_warnings(result.warnings)
    seconds = result.timings.get("total")
    for index, path in enumerate(paths[: len(result.images)]):
        height, width = result.images[index].shape[:2]
        facts = [f"{width} x {height} px", *_seed(result.request, index), *([f"{seconds:.1f} s"] if seconds else [])]
        say(f"wrote {path}  ({', '.join(facts)})")
    for path in paths[len(result.images) :]:
        if path.suffix != ".npy":
            say(f"wrote {path}")
    if paths[0].suffix == ".png":
        say(f"again: {shlex.join(_again(result.request, paths[0]))}")


def print_result_json(result: Result, paths: list[Path]) -> None:
    """One line for each image."""
    for index, path in enumerate(paths[: len(result.images)]):
        height, width = result.images[index].shape[:2]
        seed = result.request.seed if isinstance(result.request, Generation) else None
        line = {
            "path": str(path),
            "width": width,
            "height": height,
            "seed": None if seed is None else seed + index,
            "timings": dict(result.timings),
            "warnings": list(result.warnings),
            "decisions": dict(result.decisions),
            "again": _again(result.request, path) if path.suffix == ".png" else None,
        }
        typer.echo(json.dumps(line))


def _seed(request: Request, index: int) -> list[str]:
    if not isinstance(request, Generation) or request.seed is None:
        return []
    return [f"seed {request.seed + index}"]


def _again(request: Request, path: Path) -> list[str]:
    """What makes the picture again; a model that the user has only just named is not asked about."""
    try:
        asks = allowed_for_picture(path).refusals(external_names(request))
    except SDError:
        asks = True  # approvals that cannot be read approve of nothing; the picture is written all the same
    return ["sd-core", "run", str(path), *(["--trust"] if asks else [])]
