"""An animation's output folder: finished frames, and the state from which a run that was stopped goes on.

    frames/000000.png ...    the pictures
    report.json              figures of every finished frame
    state/animation.json     the request, as asked and as resolved
    state/after_000041.npz   everything that frame 42 needs to know about frame 41
    state/image_000007.npy   frame 7 as surfaces are sampled from it, overscan included; kept while a surface points there

A frame counts as finished when its picture is there; the state after it is written before, and the state before it is
removed after. So whatever moment a run is killed at, some whole state fits the newest picture.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast, overload

import numpy as np

from sd_core.encoding import encode_png
from sd_core.errors import RequestError
from sd_core.files import make_folder, output_error, write_files
from sd_core.requests import Animation, from_json
from sd_core.values import Array, read_picture

_MANIFEST = "animation.json"
_NUMBER = re.compile(r"[a-z]+_([0-9]{6,})\.")

State = Mapping[str, Array]
"""Arrays by name."""


class FrameStore:
    """What lies in `folder`; without one, a temporary folder that goes with the last reference to this store.

    Raises:
        RequestError: `resume` without a folder, or with one that holds another request's frames.
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path | None, request: Animation, *, resume: bool) -> None:
        if resume and folder is None:
            raise RequestError("resume", "needs an output folder", hint="name the one of the run that was stopped")
        self._folder = Path(mkdtemp(prefix="sd_core-")) if folder is None else folder
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._asked = request
        self._manifest = _read_manifest(self._state(_MANIFEST), request) if resume else None
        self.figures: list[dict[str, float]] = []

    @property
    def resolved(self) -> Animation | None:
        """The resolved request of the run that is resumed; None for a new run."""
        if self._manifest is None:
            return None
        return cast("Animation", from_json(self._manifest["resolved"], arrays=self._asked.arrays()))

    def begin(self, resolved: Animation) -> None:
        """Start a new run in an empty folder; `resolved` is noted for whoever resumes it."""
        for folder in (self._folder, self._folder / "frames", self._folder / "state"):
            make_folder(folder)
        self._clear()
        manifest = {"asked": self._asked.to_json(), "resolved": resolved.to_json()}
        write_files([(self._state(_MANIFEST), json.dumps(manifest).encode())])

    def finished(self) -> tuple[int, State | None]:
        """How many frames are finished, and the state after the last of them."""
        states = sorted(self._numbers("after_*.npz"), reverse=True)
        for index in states:
            if self.picture_path(index).is_file():
                state = _read_state(self._state(f"after_{index:06d}.npz"))
                self.figures = json.loads(bytes(state["figures"]).decode())
                return index + 1, state
        return 0, None

    def commit(self, index: int, picture: Array, figures: Mapping[str, float], state: State, image: Array) -> None:
        """Finish a frame.

        Args:
            index: from 0.
            picture: (h, w, 3|4) uint8, the result.
            figures: by name.
            state: what the next frame needs.
            image: what later frames may sample, any array.

        Raises:
            OutputError: it cannot be written; the frames before stay as they are.
        """
        self.figures.append({"index": index, **figures})
        text = np.frombuffer(json.dumps(self.figures).encode(), np.uint8)
        files = [
            (self._state(f"image_{index:06d}.npy"), _npy(image)),
            (self._state(f"after_{index:06d}.npz"), _npz({**state, "figures": text})),
            (self.picture_path(index), encode_png(picture)),
        ]
        write_files(files)
        _remove(self._state(f"after_{index - 1:06d}.npz"))

    def keep_images(self, wanted: Collection[int]) -> None:
        """Remove the images that no surface points to any more."""
        for index in self._numbers("image_*.npy") - set(wanted):
            _remove(self._state(f"image_{index:06d}.npy"))

    def image(self, index: int) -> Array:
        """The image that was committed with frame `index`.

        Raises:
            RequestError: it is missing or damaged.
        """
        path = self._state(f"image_{index:06d}.npy")
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise RequestError("resume", f"{path} is damaged: {error}", hint="start anew, without resume") from error

    def picture_path(self, index: int) -> Path:
        """Where the picture of a frame lies."""
        return self._folder / "frames" / f"{index:06d}.png"

    def picture(self, index: int) -> Array:
        """(h, w, 3|4) uint8, read from the disk."""
        return read_picture(self.picture_path(index))

    def pictures(self, count: int) -> FramePictures:
        """The first `count` pictures, read when they are asked for."""
        return FramePictures(self, range(count))

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Write `report.json`."""
        write_files([(self._folder / "report.json", json.dumps(report, indent=1, allow_nan=False).encode())])

    def _state(self, name: str) -> Path:
        return self._folder / "state" / name

    def _numbers(self, pattern: str) -> set[int]:
        found = (_NUMBER.match(path.name) for path in (self._folder / "state").glob(pattern))
        return {int(match[1]) for match in found if match is not None}

    def _clear(self) -> None:
        """Remove what an earlier run left: its frames would be taken for ours."""
        for folder, pattern in (("frames", "[0-9]*.png"), ("state", "*_*.np[yz]"), (".", "report.json")):
            for path in (self._folder / folder).glob(pattern):
                _remove(path)


class FramePictures(Sequence[Array]):
    """Pictures on disk: (h, w, 3|4) uint8 each, read when asked for and not kept."""

    def __init__(self, store: FrameStore, indices: range) -> None:
        self._store = store
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> FramePictures: ...
    def __getitem__(self, index: int | slice) -> Array | FramePictures:
        if isinstance(index, slice):
            return FramePictures(self._store, self._indices[index])
        return self._store.picture(self._indices[index])

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))


def _read_manifest(path: Path, request: Animation) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_bytes())
        asked = manifest["asked"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RequestError("resume", f"{path} is damaged: {error}", hint="start anew, without resume") from error
    if asked != request.to_json():
        raise RequestError("resume", f"{path} belongs to another request", hint="use another folder")
    return manifest


def _read_state(path: Path) -> State:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise RequestError("resume", f"{path} is damaged: {error}", hint="start anew, without resume") from error


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _npz(arrays: State) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
