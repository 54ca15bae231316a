"""Pictures one after another, read when they are needed: a video file, or numbered picture files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from sd_core.errors import RequestError
from sd_core.values import Array, read_picture

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

_CONTAINERS = (
    "mov", "matroska", "avi", "mpeg", "mpegts", "mpegvideo", "m4v", "h264", "hevc", "obu", "ivf", "flv", "ogg", "asf", "mxf",
    "nut", "dv", "gif", "apng", "yuv4mpegpipe", "wav", "flac", "mp3",
)  # fmt: skip
"""FFmpeg's names of the formats that are opened. All hold their frames themselves: playlists and lists (hls, concat, dash)
name other files and addresses, which whoever made the file would choose."""


class Pictures(Sequence[Array]):
    """(h, w, 3|4) pictures that are opened when they are asked for; going forwards is cheap.

    fps: frames per second, where the source says so.
    """

    fps: float | None = None

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> list[Array]: ...
    def __getitem__(self, index: int | slice) -> Array | list[Array]:
        if isinstance(index, slice):
            return [self._read(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return self._read(number)

    @abstractmethod
    def _read(self, index: int) -> Array: ...


class PictureFiles(Pictures):
    """Picture files in order.

    Raises:
        RequestError: on reading, where a file is missing, damaged or of another size than the first; names it.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._size: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def _read(self, index: int) -> Array:
        path = self._paths[index]
        picture = read_picture(path)
        size = picture.shape[:2]
        self._size = self._size or size
        if size != self._size:
            (height, width), (h, w) = self._size, size
            raise RequestError(str(path), f"is {w} x {h} px, those before {width} x {height}", hint="resize it")
        return picture


class VideoFile(Pictures):
    """The frames of a video, decoded by PyAV, upright.

    Every frame is decoded once on opening: containers announce wrong lengths, and a damaged frame is better found before
    hours of work than after them.

    Raises:
        RequestError: no such file, no video, no frames, or one that cannot be decoded; names the file and the frame.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._next = 0
        self._frames: Iterator[Array] = iter(())
        for _ in self._decode():
            self._count += 1
        if not self._count:
            raise RequestError("passes", f"{path} has no frames", hint="check that the file is whole")

    def __len__(self) -> int:
        return self._count

    def _read(self, index: int) -> Array:
        if index < self._next or self._next == 0:  # backwards means from the start: seeking is not exact everywhere
            self._frames, self._next = (upright(frame) for frame in self._decode()), 0
        while self._next < index:
            next(self._frames)
            self._next += 1
        self._next += 1
        return next(self._frames)

    def _decode(self) -> Iterator[VideoFrame]:
        from av.error import FFmpegError

        if not self._path.is_file():
            raise RequestError("passes", f"{self._path}: there is no such file", hint="check the path")
        index = 0
        try:
            with open_video(self._path) as container:
                if not container.streams.video:
                    raise RequestError(
                        "passes", f"{self._path} holds no video", hint="give a video, or numbered frames"
                    )
                stream = container.streams.video[0]
                rate = stream.average_rate
                self.fps = float(rate) if rate else None
                for frame in container.decode(stream):
                    if frame.is_corrupt:
                        raise self._decode_error(index, "it is damaged")
                    yield frame
                    index += 1
        except (FFmpegError, ValueError) as error:
            raise self._decode_error(index, str(error)) from error

    def _decode_error(self, index: int, reason: str) -> RequestError:
        return RequestError(
            "passes", f"{self._path} cannot be decoded at frame {index}: {reason}", hint="convert it to another format"
        )


def open_video(path: Path) -> InputContainer:
    """A video file, which is read alone: no other file, and nothing from the network.

    Raises:
        FFmpegError: it is none, or of a format that is not in `_CONTAINERS`.
    """
    import av

    return av.open(str(path), options={"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"})


def frame_rate(path: Path) -> float | None:
    """Frames a second as a video file announces it; None where it does not, or is none: opening it tells why."""
    from av.error import FFmpegError

    try:
        with open_video(path) as container:
            rate = container.streams.video[0].average_rate
            return float(rate) if rate else None
    except (FFmpegError, IndexError, ValueError):
        return None


def upright(frame: VideoFrame) -> Array:
    """(h, w, 3) uint8 of a decoded frame, turned as its display matrix says (telephones film sideways)."""
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4))
