# SPDX-License-Identifier: GPL-3.0-or-later
"""Data passes of the open scene, rendered by a Blender in the background from a saved copy.

The open scene is only read. `start` runs on the main thread; whatever follows may run on any other.
"""

from __future__ import annotations

import json
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
from sd_core.errors import Cancelled, OutputError, SDError, error_from_dict

from .camera import render_size, require_camera
from .framing import Framing
from .orders import MARK, Order, frame_path

_COPY, _ORDER, _LOG = "scene.blend", "order.json", "render.log"


@dataclass(frozen=True, slots=True)
class PassRender:
    """A render that goes on in the background."""

    order: Order
    process: subprocess.Popen[str]
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of all frames, in order."""
        return tuple(frame_path(self.order.folder, frame) for frame in self.order.frames)

    def wait(self, on_frame: Callable[[int, int], None] = lambda done, count: None) -> tuple[Path, ...]:
        """Wait for the last frame; `on_frame(done, count)` is called after each.

        Returns:
            The files of all frames, in order.

        Raises:
            Cancelled: `cancel` was called.
            SDError: what the background Blender says, or that it ended.
        """
        done, failure = 0, None
        assert self.process.stdout is not None
        log = self.order.folder / _LOG
        with self.process, log.open("w", encoding="utf-8") as kept:
            for line in self.process.stdout:
                told = _told(line)
                if told is None:
                    kept.write(line)
                elif "failed" in told:
                    failure = error_from_dict(told["failed"])
                else:
                    done += 1
                    on_frame(done, len(self.order.frames))
        self._check_end(failure, done, log)
        return self.paths

    def cancel(self) -> None:
        """Kill the background Blender; frames that are whole stay."""
        self.cancelled.set()
        if self.process.poll() is None:
            self.process.kill()

    def _check_end(self, failure: SDError | None, done: int, log: Path) -> None:
        code = self.process.wait()
        if failure is not None:
            raise failure
        if done == len(self.order.frames):
            return
        if self.cancelled.is_set():
            raise Cancelled(f"the data render ended after {done} of {len(self.order.frames)} frames")
        last = log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
        raise SDError(f"the background Blender ended with code {code}: {last}", hint=f"see {log}")


def frame_scene(scene: bpy.types.Scene, overscan: int = 0) -> Framing:
    """How the data of this scene's render are laid out."""
    width, height = render_size(scene)
    return Framing(width, height, overscan)


def start(
    scene: bpy.types.Scene,
    view_layer: str,
    frames: Sequence[int],
    folder: Path,
    *,
    overscan: int = 0,
    rest: bool = True,
) -> PassRender:
    """Save a copy of the open file into `folder` and let a background Blender render it.

    Args:
        frames: in the order in which they are rendered; those whose files lie in `folder` are taken as they are.
        overscan: px that the data are larger than the picture on every side.
        rest: write positions of the undeformed surface, which follow it; otherwise positions in the world.

    Raises:
        RequestError: the scene has no camera, or a panorama.
        OutputError: the copy cannot be written.
    """
    require_camera(scene)
    order = Order(
        scene=scene.name,
        view_layer=view_layer,
        frames=tuple(frames),
        framing=frame_scene(scene, overscan),
        rest=rest,
        folder=folder,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        order.write(folder / _ORDER)
    except OSError as error:
        raise OutputError(str(folder), f"cannot be written: {error.strerror}", hint="choose another folder") from error
    save_copy(folder / _COPY)
    return PassRender(order, _launch(folder))


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


def _launch(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - the Blender that runs
        background_command(folder / _COPY, "background", str(folder / _ORDER)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def background_command(blend: Path | None, program: str, argument: str) -> list[str]:
    """The command that opens a file, or an empty one, in a background Blender of this release and runs
    `scene.<program>.main(argument)`.

    The module `bpy` has no executable of its own: there it is Python that opens the file.
    """
    libraries = {str(Path(module.__file__).parents[1]) for module in (sd_core, np) if module.__file__ is not None}
    paths = [str(Path(__file__).parents[1]), *sorted(libraries)]
    call = f"import sys; sys.path[:0] = {paths!r}; from scene.{program} import main; main({argument!r})"
    scripts = bpy.context.preferences.filepaths.use_scripts_auto_execute
    if bpy.app.module:
        opened = "import bpy; "
        if blend is not None:
            opened += f"bpy.ops.wm.open_mainfile(filepath={str(blend)!r}, use_scripts={scripts!r}); "
        return [sys.executable, "-c", opened + call]
    allowed = "--enable-autoexec" if scripts else "--disable-autoexec"
    own = ["--factory-startup", allowed, "--python-exit-code", "1"]
    opened_file = [] if blend is None else [str(blend)]
    return [bpy.app.binary_path, "--background", *own, *opened_file, "--python-expr", call]


def _told(line: str) -> dict[str, Any] | None:
    """What a line tells; None for one of Blender's own."""
    if not line.startswith(MARK):
        return None
    return json.loads(line.removeprefix(MARK))
