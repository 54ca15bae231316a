# SPDX-License-Identifier: GPL-3.0-or-later
"""Data passes of the open scene, rendered by a Blender in the background from a saved copy.

The open scene is only read. `prepare_render` runs on the main thread and returns soon; whatever follows runs on any other.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

import sd_core
from sd_core.errors import Cancelled, OutputError, RequestError, SDError, error_from_dict

from ..scripts import can_run_scripts
from .camera import render_size, require_camera
from .framing import Framing
from .order import MESSAGE_PREFIX, RenderOrder, frame_path

_POLL_INTERVAL = 0.1
"""Seconds between two looks at whether the render is still wanted."""

COPY, ORDER, LOG = "scene.blend", "order.json", "render.log"

PASSES_PROGRAM, VIDEO_PROGRAM = "scene.passes.background", "scene.video"
"""The programs of a background Blender: modules as they are found from the add-on's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """What of a frame is rendered.

    overscan: px that the data are larger than the picture on every side. rest: positions of the undeformed surface, which
    follow it, instead of positions in the world. pictures: each frame as the scene renders it, instead of the coarse picture
    of a data render.
    """

    overscan: int = 0
    rest: bool = True
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class PassRender:
    """A render that waits to be run.

    order: what is rendered. command: of the background Blender. log: where what it said will lie; None: in the order's folder.
    """

    order: RenderOrder
    command: Sequence[str]
    log: Path | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of all frames, in order."""
        return tuple(frame_path(self.order.folder, frame) for frame in self.order.frames)

    def cancel(self) -> None:
        """End the background Blender soon; frames that are whole stay."""
        self._stop.set()

    def run(
        self,
        on_progress: Callable[[int, int], None] = lambda done, count: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        on_frame_rendered: Callable[[int], None] = lambda frame: None,
        on_omitted: Callable[[str], None] = lambda what: None,
    ) -> tuple[Path, ...]:
        """Render every frame that is not there; `on_frame_rendered(frame)` and `on_progress(done, count)` are called after each.

        `on_omitted(what)` is called for what is not rendered because scripts of the file are not allowed. What they raise ends it.

        Returns:
            The files of all frames, in order.

        Raises:
            Cancelled: `cancel` was called, or `is_cancelled` said so.
            SDError: what the background Blender says, or that it ended.
        """
        log = self.order.folder / LOG
        done, failure = 0, None
        with _start_process(self.command) as process, log.open("w", encoding="utf-8") as kept:
            for line in _lines(process, lambda: self._stop.is_set() or is_cancelled()):
                message = _message_of(line)
                if message is None:
                    kept.write(line)
                elif "failed" in message:
                    failure = error_from_dict(message["failed"])
                elif "left_out" in message:
                    on_omitted(message["left_out"])
                else:
                    on_frame_rendered(message["frame"])
                    done += 1
                    on_progress(done, len(self.order.frames))
            code = process.wait()
        if failure is not None:
            raise failure
        if done < len(self.order.frames):
            last = log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
            raise SDError(f"the background Blender failed (exit status {code}): {last}", hint=f"see {self.log or log}")
        return self.paths


def scene_framing(scene: bpy.types.Scene, overscan: int = 0) -> Framing:
    """How the data of this scene's render are laid out."""
    width, height = render_size(scene)
    return Framing(width, height, overscan)


def prepare_render(
    scene: bpy.types.Scene,
    view_layer: str,
    frames: Sequence[int],
    folder: Path,
    *,
    options: PassOptions = PassOptions(),
    resume: bool = False,
) -> PassRender:
    """Save a copy of the open file into `folder`, for a background Blender to render.

    Args:
        frames: in the order in which they are rendered; those whose files lie in `folder` are taken as they are.
        options: what is rendered.
        resume: go on with the copy that lies in `folder` already, instead of the file as it is now.

    Raises:
        RequestError: the scene has no camera, or a panorama; or `resume` with other settings than before.
        OutputError: the copy cannot be written.
    """
    order = render_order(scene, view_layer, frames, folder, options)
    copy, written = folder / COPY, folder / ORDER
    if resume:
        check_resume(order, copy, written)
    else:
        _write_order(order, written)
        save_copy(copy)
    return PassRender(order, background_command(copy, PASSES_PROGRAM, str(written)))


def render_order(
    scene: bpy.types.Scene, view_layer: str, frames: Sequence[int], folder: Path, options: PassOptions
) -> RenderOrder:
    """The order for some frames of a scene.

    Raises:
        RequestError: the scene has no camera, or a panorama.
    """
    require_camera(scene)
    return RenderOrder(
        scene=scene.name,
        view_layer=view_layer,
        frames=tuple(frames),
        framing=scene_framing(scene, options.overscan),
        rest=options.rest,
        pictures=options.pictures,
        folder=folder,
    )


def save_copy(path: Path) -> None:
    """Save the open file as it is now to another path; the open one stays what and where it is.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with _without_thumbnail():
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False, compress=False)
    except RuntimeError as error:
        raise OutputError(str(path), f"the copy cannot be saved: {error}", hint="check the folder") from error


def background_command(blend: Path | None, program: str, argument: str) -> list[str]:
    """The command for a background Blender of this release that opens a file and runs `main(argument)` of a program.

    Where there is a file, `main` also gets whether its scripts may run: only if those of the open file do.

    The module `bpy` has no executable of its own: there it is Python that opens the file.
    """
    libraries = {str(Path(module.__file__).parents[1]) for module in (sd_core, np) if module.__file__ is not None}
    paths = [str(Path(__file__).parents[2]), *sorted(libraries)]
    scripts = blend is not None and can_run_scripts(str(blend))
    arguments = repr(argument) if blend is None else f"{argument!r}, scripts={scripts!r}"
    call = f"import sys; sys.path[:0] = {paths!r}; from {program} import main; main({arguments})"
    if not bpy.app.binary_path:
        opened = "import bpy; "
        if blend is not None:
            opened += f"bpy.ops.wm.open_mainfile(filepath={str(blend)!r}, use_scripts={scripts!r}); "
        return [sys.executable, "-c", opened + call]
    allowed = "--enable-autoexec" if scripts else "--disable-autoexec"
    own = ["--factory-startup", allowed, "--python-exit-code", "1"]
    opened_file = [] if blend is None else [str(blend)]
    return [bpy.app.binary_path, "--background", *own, *opened_file, "--python-expr", call]


def check_resume(order: RenderOrder, copy: Path, order_path: Path) -> None:
    """Check that what lies there was rendered by this order.

    Raises:
        RequestError: there is nothing, or it was another one.
    """
    if not copy.is_file() or not order_path.is_file():
        raise RequestError("resume", f"no interrupted run in {copy.parent}", hint="start without Resume")
    if RenderOrder.read(order_path) != order:
        raise RequestError(
            "resume",
            "frame range, size or extra border differ from the interrupted run",
            hint="set them back, or start without Resume",
        )


def _write_order(order: RenderOrder, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        order.write(path)
    except OSError as error:
        raise OutputError(str(path.parent), f"cannot be written: {error}", hint="choose another folder") from error


@contextmanager
def _without_thumbnail() -> Iterator[None]:
    """Blender would draw the window or the camera's view into the file, which takes a while."""
    files = bpy.context.preferences.filepaths
    before = files.file_preview_type
    files.file_preview_type = "NONE"
    try:
        yield
    finally:
        files.file_preview_type = before


@contextmanager
def _start_process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The process; neither it nor its pipes are left behind. It ends by itself when nobody holds its input any more."""
    process = subprocess.Popen(  # noqa: S603 - the Blender that runs
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _lines(process: subprocess.Popen[str], is_cancelled: Callable[[], bool]) -> Iterator[str]:
    """What the process writes.

    Raises:
        Cancelled: `is_cancelled` says so, which is asked also while nothing is written.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        while not is_cancelled():
            try:
                line = lines.get(timeout=_POLL_INTERVAL)
            except queue.Empty:
                continue
            if line is None:
                return
            yield line
        raise Cancelled
    finally:
        if process.poll() is None and is_cancelled():
            process.kill()
        reader.join(_POLL_INTERVAL)


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _message_of(line: str) -> dict[str, Any] | None:
    """What a line tells; None for one of Blender's own."""
    if not line.startswith(MESSAGE_PREFIX):
        return None
    return json.loads(line.removeprefix(MESSAGE_PREFIX))
