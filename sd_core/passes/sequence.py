"""Frame numbers in file names."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import RequestError

_HASHES = re.compile(r"#+")


def frame_paths(pattern: str) -> list[Path]:
    """The files of a "####" pattern in the order of their frame numbers, which may be negative.

    Args:
        pattern: a path whose file name holds one run of "#", such as `render/####.exr`; more digits than "#" are fine.

    Raises:
        RequestError: no "#", several runs of them, or no such files.
    """
    path = Path(pattern)
    runs = _HASHES.findall(path.name)
    if len(runs) != 1:
        raise RequestError("passes", f"needs one run of # in its file name: {pattern}", hint="such as render/####.exr")
    before, after = (re.escape(piece) for piece in _HASHES.split(path.name))
    matcher = re.compile(f"{before}(-?[0-9]{{{len(runs[0])},}}){after}")
    names = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    found = sorted((int(match[1]), name) for name in names if (match := matcher.fullmatch(name)))
    if not found:
        raise RequestError(
            "passes", f"no file is named like {pattern}", hint="check the folder; render the frames first"
        )
    return [path.parent / name for _, name in found]
