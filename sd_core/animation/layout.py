"""What an animation's output folder holds, by name, and who may write there.

frames/000000.png ...    the pictures
report.json              figures of every finished frame
state/after_000041.npz   everything that frame 42 needs to know about frame 41
state/image_000007.npy   frame 7 as surfaces are sampled from it, extra border included; kept while a surface points there
report.html, animation.mp4, animation.gif, exr/000000.exr ...    what is made of the pictures
sd_core.manifest.json    all these files with their digests, and the request, as asked and as resolved
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sd_core.outputs import OutputFolder, RunFolder
from sd_core.requests import Animation

KIND = "animation"
REPORT, PAGE, MP4, GIF = "report.json", "report.html", "animation.mp4", "animation.gif"

_NUMBER = "[0-9]{6,}"
_NAMES = re.compile(
    rf"frames/{_NUMBER}\.png|state/after_{_NUMBER}\.npz|state/image_{_NUMBER}\.npy|exr/{_NUMBER}\.exr"
    r"|report\.json|report\.html|animation\.mp4|animation\.gif|state/animation\.json"
)

_EARLIER = "state/animation.json"
"""Where versions without a manifest kept the request; a folder of theirs is known by it."""


def picture_name(index: int) -> str:
    """Of the picture of a frame."""
    return f"frames/{index:06d}.png"


def state_name(index: int) -> str:
    """Of the state after a frame."""
    return f"state/after_{index:06d}.npz"


def image_name(index: int) -> str:
    """Of what later frames sample of a frame."""
    return f"state/image_{index:06d}.npy"


def exr_name(index: int) -> str:
    """Of a frame in linear light."""
    return f"exr/{index:06d}.exr"


def frame_names(count: int) -> Iterator[str]:
    """What a run of `count` frames writes."""
    yield REPORT
    for index in range(count):
        yield from (picture_name(index), state_name(index), image_name(index))


def number_of(name: str) -> int:
    """The frame that a file belongs to."""
    found = re.search(_NUMBER, name)
    assert found is not None, "names of frames have numbers"
    return int(found[0])


def open_folder(folder: Path) -> OutputFolder:
    """The folder, to be written to.

    Raises:
        OutputError: see `OutputFolder`.
    """
    return OutputFolder(folder, KIND, _NAMES)


def finished_count(folder: Path) -> int:
    """How many pictures of frames lie in a folder."""
    return sum(path.stem.isdigit() for path in (folder / "frames").glob("[0-9]*.png"))


def require_right(
    opened: OutputFolder, request: Animation, count: int, *, resume: bool, overwrite: bool
) -> Mapping[str, Any] | None:
    """What is noted about the run that is to be resumed; None: a new one may begin.

    A folder of an earlier version, which listed nothing, is taken over where its run is resumed, as far as it is whole.

    Args:
        count: frames of the request.

    Raises:
        RequestError: there are frames, and nobody said what to do with them; or they are another request's.
    """
    run = RunFolder(what="finished frames", earlier=_EARLIER, names=lambda: _names_of(count), belongs=_names_of_its_run)
    return run.open_run(opened, request, resume=resume, overwrite=overwrite)


def _names_of_its_run(names: list[str]) -> list[str]:
    """Exactly the names that a run which got as far as the newest state wrote; the rest stays somebody's own."""
    newest = max((number_of(name) for name in names if name.startswith("state/after_")), default=-1)
    return [name for name in names if name == _EARLIER or _is_of(name, newest)]


def _names_of(count: int) -> Iterator[str]:
    """All that an earlier version's run of `count` frames may have written."""
    yield from (_EARLIER, PAGE, MP4, GIF, *map(exr_name, range(count)), *frame_names(count))


def _is_of(name: str, newest: int) -> bool:
    """Whether a run that got as far as frame `newest` has such a file; one more picture was never written."""
    return "/" not in name or number_of(name) <= newest + name.startswith("state/image_")
