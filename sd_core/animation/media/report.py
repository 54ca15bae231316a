"""One self-contained page about an animation: a side-by-side player, and plots of every frame's figures."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import DepthRange, FramePasses, depth_control, motion_offsets
from sd_core.values import Array, to_pillow

from ..layout import PAGE, REPORT, open_folder
from .movie import saved_frames

_FRAMES_SHOWN = 360
"""Frames that the page holds; of a longer animation every second, third ... is shown."""

_SIDE_SHOWN = 320
"""px of the longer side of the frames in the page."""

_QUALITY = 82

FIGURES: Mapping[str, str] = {
    "warp_error": "Warp error, mean square",
    "reused": "Share reused",
    "evaluations": "UNet evaluations",
    "sharpness": "Sharpness",
    "seconds": "Seconds",
}
"""Titles of the plots by the figure's name in `report.json`."""


def write_page(
    output: str | os.PathLike[str],
    passes: Callable[[int], FramePasses] | None = None,
    fps: float = 24.0,
    margin: int = 0,
) -> Path:
    """Write `report.html` into an animation's output folder; it opens from disk, without a network.

    Args:
        output: the folder, with `report.json` and the frames.
        passes: opens those of a frame; None: the player shows the result alone.
        fps: of the player.
        margin: px by which the passes are larger than the frames on every side.

    Raises:
        RequestError: no report or no frames there, or a frame whose passes cannot be read.
        OutputError: it cannot be written, or somebody else's file has its name.
    """
    report = read_report(output)
    frames = saved_frames(output)
    stride = -(-len(frames) // _FRAMES_SHOWN)
    tracks = {"result": [data_uri(frames[index]) for index in range(0, len(frames), stride)]}
    if passes is not None:
        shown = (passes(index) for index in range(0, len(frames), stride))
        tracks |= input_tracks(shown, report.get("depth_range"), margin)
    data = {
        "fps": fps,
        "stride": stride,
        "tracks": tracks,
        "titles": FIGURES,
        "cuts": report.get("cuts", []),
        "figures": {name: _series(report["frames"], name) for name in FIGURES},
        "request": report.get("request", {}),
        "size": list(frames[0].shape[:2]),
    }
    page = (files("sd_core.animation.media") / "page.html").read_text(encoding="utf-8")
    # In a script "</" would end it, and "<!--<script" would keep it from ending: HTML Standard, 4.12.1.3.
    with open_folder(Path(output)) as folder:
        return folder.write({PAGE: page.replace("{{data}}", _json(data)).encode()})[0]


def read_report(output: str | os.PathLike[str]) -> dict[str, Any]:
    """What `report.json` holds.

    Raises:
        RequestError: missing or damaged.
    """
    path = Path(output) / REPORT
    try:
        report = json.loads(path.read_bytes())
        return {**report, "frames": [*report["frames"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            str(path), f"is no report of an animation: {error}", hint="run the animation first"
        ) from error


def input_tracks(
    passes: Iterable[FramePasses], depth_range: Sequence[float] | None, margin: int
) -> dict[str, list[str]]:
    """Picture, depth and motion of the frames, each that all of them have."""
    tracks: dict[str, list[str]] = {}
    limits = None if depth_range is None else (float(depth_range[0]), float(depth_range[1]))
    for frame in passes:
        for name, picture in pass_pictures(frame, limits).items():
            inner = picture[margin:-margin, margin:-margin] if margin else picture
            tracks.setdefault(name, []).append(data_uri(inner))
    length = max(map(len, tracks.values()), default=0)
    return {name: track for name, track in tracks.items() if len(track) == length}


def pass_pictures(frame: FramePasses, depth_range: DepthRange | None) -> dict[str, Array]:
    """(h, w, 3|4) uint8 pictures of what a frame holds, by name."""
    found: dict[str, Array] = {}
    if frame.image is not None:
        found["input"] = np.asarray(to_pillow(frame.image))
    if frame.depth is not None:
        limits = depth_range if np.isfinite(frame.depth).any() else (1.0, 2.0)
        found["depth"] = _grey(depth_control(frame.depth, limits))
    if frame.motion is not None:
        found["motion"] = motion_picture(motion_offsets(frame.motion)[0])
    return found


def motion_picture(offsets: Array) -> Array:
    """Vectors as colours: the direction is the hue, the length the brightness; full at an eighth of the width.

    Args:
        offsets: (h, w, 2) px (x, y).
    """
    from PIL import Image

    length = np.linalg.norm(offsets, axis=-1) / (offsets.shape[1] / 8)
    hue = np.arctan2(offsets[..., 1], offsets[..., 0]) / (2 * np.pi) % 1
    bright = np.sqrt(np.clip(np.nan_to_num(length), 0, 1))
    planes = np.stack([np.nan_to_num(hue), np.full_like(hue, 0.75), bright], axis=-1)
    return np.asarray(Image.fromarray(np.rint(planes * 255).astype(np.uint8), "HSV").convert("RGB"))


def data_uri(picture: Array) -> str:
    """A data URI: WebP, at most 320 px a side; small pictures are kept at their size."""
    image = to_pillow(picture)
    image.thumbnail((_SIDE_SHOWN, _SIDE_SHOWN))
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _grey(control: Array) -> Array:
    return np.repeat(np.rint(control * 255).astype(np.uint8)[..., None], 3, axis=2)


def _series(frames: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    return [frame.get(name) for frame in frames]


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data).replace("<", "\\u003c")
