"""`%sd` and `%%sd`: the command line's commands, in a cell."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display, update_display

from sd_core.destination import check_destination
from sd_core.errors import SDError
from sd_core.events import Event, FrameEvent, Loading, StepEvent
from sd_core.results import Result
from sd_core.values import Array

from .arguments import ParsedLine, read_line
from .engines import default_engine
from .monitor import PREVIEW_INTERVAL
from .pictures import preview_bytes

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class SDMagics(Magics):
    """Make images with the options of `sd-core`."""

    shell: InteractiveShell  # pyright: ignore[reportIncompatibleVariableOverride]

    @no_var_expand
    @line_cell_magic
    def sd(self, line: str, cell: str | None = None) -> Result | None:
        """Make an image: `%sd txt2img a wall of bricks --seed 7`, or `%%sd txt2img --seed 7` over a prompt.

        `{name}` puts in a variable: a number or a text anywhere, an array or a picture as in `--image {photo}`. The result is
        the value of the line: `wall = %sd texture old bricks`. Interrupting the kernel cancels. Options: `%sd txt2img --help`.
        """
        try:
            wanted = read_line(line, cell, self.shell.user_ns)
            return None if wanted is None else _run(wanted)
        except SDError as error:
            # IPython shows a UsageError as one line, without a traceback.
            raise UsageError(str(error)) from error


def _run(parsed: ParsedLine) -> Result:
    """Run a request in this thread, showing previews; an interrupt cancels it."""
    if parsed.output is not None:  # a cell that is run again replaces its own picture
        check_destination(parsed.request, parsed.output, overwrite=True)
    live = _LiveOutput()
    job = default_engine().submit(parsed.request)
    try:
        for event in job.events():
            live.show(event)
    except KeyboardInterrupt:
        job.cancel()
    finally:
        live.clear()
    result = job.result()
    if parsed.output is not None:
        result.save(parsed.output)
    return result


class _LiveOutput:
    """An output of the running cell that is redrawn at most four times a second, and empty in the end."""

    def __init__(self) -> None:
        self._id = f"sd-{id(self):x}-{time.monotonic_ns():x}"
        self._last_drawn = 0.0
        display({"text/plain": "Starting ..."}, raw=True, display_id=self._id)

    def show(self, event: Event) -> None:
        """Draw what an event tells."""
        match event:
            case Loading(message=message):
                self._draw({"text/plain": message or "Loading the model ..."})
            case StepEvent(index=index, count=count, preview=preview):
                if time.monotonic() - self._last_drawn >= PREVIEW_INTERVAL:
                    self._draw(_picture_bundle(preview, f"step {index + 1} of {count}"))
            case FrameEvent(index=index, image=image):
                self._draw(_picture_bundle(image, f"frame {index + 1}"))
            case _:
                pass

    def clear(self) -> None:
        """Leave nothing."""
        self._draw({"text/plain": ""})

    def _draw(self, data: dict[str, Any]) -> None:
        self._last_drawn = time.monotonic()
        update_display(data, raw=True, display_id=self._id)


def _picture_bundle(picture: Array | None, caption: str) -> dict[str, Any]:
    if picture is None:
        return {"text/plain": caption}
    data = base64.b64encode(preview_bytes(picture)).decode()
    html = (
        f'<figure style="margin:0"><img src="data:image/jpeg;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )
    return {"text/html": html, "text/plain": caption}
