"""Progress bars with the time left, drawn on standard error so that standard output stays clean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from sd_core.events import Event, FrameEvent, Loading, Queued, StepEvent
from sd_core.trust import printable


class Display:
    """Shows the events of one job after the other; draws nothing where there is no terminal, or when `quiet`."""

    def __init__(self, *, quiet: bool = False, title: str = "") -> None:
        self._console = Console(stderr=True)
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def waiting(self, message: str) -> AbstractContextManager[object]:
        """A spinner while something takes its time."""
        return Console(stderr=True, quiet=self._progress.disable).status(message)

    def show(self, event: Event) -> None:
        """Draw what an event tells."""
        match event:
            case Queued(position=position):
                self.update("waiting" if position else "starting", 0, None, None)
            case Loading(message=message):
                self.update(message, 0, None, None)
            case StepEvent(index=index, count=count, seconds_left=left):
                self.update(self._title or "denoising", index + 1, count, left)
            case FrameEvent(index=index):
                self._progress.console.print(f"picture {index + 1} is finished", highlight=False)
            case _:
                pass

    def update(self, description: str, done: int, count: int | None, seconds_left: float | None) -> None:
        """Draw a state: `count` None is a bar without an end."""
        description = printable(description)  # it may tell of a model's name, which comes from a picture
        left = "" if seconds_left is None else f"{readable_time(seconds_left)} left"
        if self._task is None:
            self._task = self._progress.add_task(description, total=count, left=left)
        self._progress.update(self._task, description=description, completed=done, total=count, left=left)


def readable_time(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def readable_bytes(count: int) -> str:
    """`64 MB`, `3.4 GB`, in powers of ten as file managers have them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
