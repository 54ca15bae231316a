"""An animation without a model: each frame is made from the one before, and committed as the engine does it.

As a program it makes one again and again, and dies or meets a full disk at every call by which something is written.
"""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.animation.media import frame_store as stores
from sd_core.animation.media.frame_store import FrameStore
from sd_core.errors import OutputError
from sd_core.requests import Animation

FRAMES = 5

MINE = (
    "frames/000099.png", "frames/1.png", "frames/000001.txt", "frames/.000001.png.abcd1234.tmp", "state/after_000099.npz",
    "state/mine.npy", "state/animation.json.bak", "report.json.tmp", "animation.mp4", "view_00.png", "exr/000000.exr",
    ".sd_core/mine.txt", ".sd_core/unfinished-mine/1-x",
)  # fmt: skip
"""Names of files that a run has no need of."""

CALLS = ("write", "fsync", "replace")


def request(prompt: str = "brick") -> Animation:
    return Animation(prompt=prompt, passes="render/####.exr", seed=1, width=8, height=8)


def run(folder: Path, count: int = FRAMES, warnings: list[str] | None = None, **how: Any) -> list[int]:
    """Make the frames; gives the numbers of those that were made in this run."""
    sentences: list[str] = [] if warnings is None else warnings
    store = FrameStore(folder, request(), count, warn=sentences.append, **how)
    made = []
    try:
        if store.resolved_request is None:
            store.begin(request())
        for span in store.spans():
            total = np.zeros(1) if span.state is None else span.state["total"]
            for index in range(span.first, span.stop):
                total = frame(store, index, total)
                made.append(index)
        store.remove_leftovers()
    finally:
        store.close()
    return made


def frame(store: FrameStore, index: int, total: np.ndarray) -> np.ndarray:
    """Commit a frame; gives the state after it."""
    noise = np.random.default_rng(index).random((8, 8, 3))
    before = store.image(index - 1) if index else np.zeros((8, 8, 3))
    image = ((noise + before + total) % 1).astype(np.float16)
    total = total * 0.5 + image.mean(dtype=np.float64)
    picture = (image * 255).astype(np.uint8)
    wanted = {0, index}
    store.commit(
        index, picture, {"new": 0.5}, {"total": total}, image, needed_frames=wanted, report=lambda: {"frames": []}
    )
    return total


def listing(folder: Path) -> dict[str, bytes]:
    """Every file that is there to stay, with its content."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".sd_core" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def plant(folder: Path) -> None:
    """Somebody else's files, of names like ours, in all places."""
    for name in MINE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def fail_at(point: int, fault: Callable[..., Any], calls: tuple[str, ...]) -> None:
    """From now on the call with this number, of those that write, is `fault`, which is given the call and its arguments."""
    random.seed(point)
    left = [point]
    for name in calls:
        original = getattr(os, name)

        def call(*arguments: Any, original: Any = original, **named: Any) -> Any:
            left[0] -= 1
            return fault(original, *arguments, **named) if left[0] == 0 else original(*arguments, **named)

        setattr(os, name, call)


def die(original: Any, *arguments: Any, **named: Any) -> None:
    """As killed before, in the middle of, or after the call."""
    moment = random.random()  # noqa: S311 - no secret
    try:
        if original.__name__ == "write" and moment < 0.5:
            original(arguments[0], arguments[1][: len(arguments[1]) // 2])
        elif moment > 0.5:
            original(*arguments, **named)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def no_space(original: Any, *arguments: Any, **named: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def child(work: Callable[[], Any]) -> int:
    """Run in a process of its own; gives how that ended: 0, 3 for an error that was told, or minus the signal."""
    process = os.fork()
    if process == 0:
        code = 4
        try:
            work()
            code = 0
        except OutputError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def attempt(folder: Path, point: int, fault: Callable[..., Any]) -> int:
    def work() -> None:
        fail_at(point, fault, CALLS if fault is no_space else (*CALLS, "unlink", "mkdir"))
        run(folder, resume=True)

    return child(work)


def main(folder: Path, fault: str, first: int, stride: int) -> None:
    """Trouble at every `stride`th call that writes, each in a folder of its own, then a run that goes on."""
    stores.CHECKPOINT = 3
    codes = []
    for point in range(first, 10**6, stride):
        place = folder / str(point)
        plant(place)
        codes.append(attempt(place, point, {"die": die, "no_space": no_space}[fault]))
        if codes[-1] == 0:
            break  # the run has fewer calls
        if child(lambda place=place: run(place, resume=True)) != 0:
            raise SystemExit(f"the run that goes on after {point} failed")
    sys.stdout.write(json.dumps(codes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
