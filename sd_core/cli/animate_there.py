"""An animation that a server makes: it is followed from here, and its frames are fetched into a folder here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from sd_core.backend import RemoteBackend
from sd_core.errors import Cancelled, SDError
from sd_core.events import Event, FrameEvent
from sd_core.outputs import run_notes
from sd_core.requests import Animation
from sd_core.results import Result

from .running import follow

if TYPE_CHECKING:
    from sd_core.outputs import OutputFolder


def run_on_server(
    client: RemoteBackend, request: Animation, folder: Path, show: Callable[[Event], None], *, overwrite: bool
) -> Result:
    """Have a server make an animation, and lay it out in `folder` as an engine in this process does it.

    Args:
        client: connected.
        request: what to make.
        folder: looked at before; what an earlier run left there goes frame by frame, as new ones have been fetched.
        show: gets every event.
        overwrite: whether something may have been left there.

    Raises:
        SDError: what went wrong, with the job's id and how to go on; `Cancelled` after Ctrl-C.
    """
    job = client.submit(request)
    finished: set[int] = set()

    def on_event(event: Event) -> None:
        if isinstance(event, FrameEvent):
            finished.add(event.index)
        show(event)

    with _add_resume_hint(lambda: _resume_hint(client, job.id, len(finished))):
        result = follow(job, on_event)
    with _add_resume_hint(lambda: _fetch_hint(client, job.id)):
        return keep_frames(result, request, folder, overwrite=overwrite)


def keep_frames(result: Result, request: Animation, folder: Path, *, overwrite: bool) -> Result:
    """Fetch the frames, each committed as it comes; gives the result with the pictures that lie here now.

    Raises:
        SDError: what could not be fetched or written; frames that were not fetched are as they were before.
    """
    from sd_core.animation.layout import REPORT, open_folder, picture_name, require_right
    from sd_core.animation.media.movie import saved_frames
    from sd_core.encoding import encode_png

    count = len(result.images)
    warnings = [*result.warnings]
    with open_folder(folder) as opened:
        require_right(opened, request, count, resume=False, overwrite=overwrite)
        earlier = opened.listed_names()
        for index in range(count):
            picture = encode_png(result.images[index])
            if not index:
                _begin(opened, request, result, warnings.append)
            opened.set_changed_aside([picture_name(index)], warnings.append)
            opened.write({picture_name(index): picture})
        opened.set_changed_aside(earlier, warnings.append)
        opened.write({REPORT: json.dumps(result.report, indent=1).encode()})
        opened.remove(earlier - {REPORT, *map(picture_name, range(count))})
    return changed(result, images=saved_frames(folder), warnings=tuple(warnings))


def _begin(opened: OutputFolder, request: Animation, result: Result, warn: Callable[[str], None]) -> None:
    """From now on the folder is this request's: no run may go on from the states of another."""
    states = [name for name in opened.listed_names() if name.startswith("state/")]
    opened.set_changed_aside(states, warn)
    opened.remove(states)
    opened.write({}, run_notes(request, result.request))


@contextmanager
def _add_resume_hint(onward: Callable[[], str]) -> Iterator[None]:
    """Whatever ends what is done here says how to go on."""
    try:
        yield
    except (Cancelled, KeyboardInterrupt) as error:
        ended = Cancelled(hint=onward())
        ended.warnings = getattr(error, "warnings", ())
        raise ended from error
    except SDError as error:
        error.hint = f"{error.hint}; {onward()}".removeprefix("; ")
        raise


def _resume_hint(client: RemoteBackend, job_id: str, finished: int) -> str:
    frames = f"from its {finished} finished frame{'s' * (finished > 1)}" if finished else "from its first frame"
    return f"it was job {job_id}: sd_core.connect({client.url!r}).resume({job_id!r}) goes on {frames}"


def _fetch_hint(client: RemoteBackend, job_id: str) -> str:
    return f"the server keeps the frames: sd_core.connect({client.url!r}).job({job_id!r}).result().images"
