"""Frames as one file: MP4 through PyAV, GIF through Pillow; and as EXR files for a compositor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from sd_core.errors import OutputError, RequestError
from sd_core.files import whole_file
from sd_core.values import Array, to_pillow
from sd_core.values.srgb import decode_srgb

from .picture_sequence import PictureFiles

FRAMES = "frames"
"""Folder of the finished frames inside an animation's output folder."""

_CRF = "16"
"""x264's constant rate factor: 18 is called visually lossless, and noise of its own would look like flicker."""

_PALETTE_FRAMES = 12


def saved_frames(output: str | os.PathLike[str]) -> PictureFiles:
    """The finished frames of an animation's output folder, read when they are needed.

    Raises:
        RequestError: there are none.
    """
    paths = sorted(path for path in (Path(output) / FRAMES).glob("[0-9]*.png") if path.stem.isdigit())
    if not paths:
        raise RequestError("output", f"{output} holds no finished frames", hint="run the animation first")
    return PictureFiles(paths)


def write_mp4(frames: Iterable[Array], path: str | os.PathLike[str], fps: float = 24.0) -> Path:
    """H.264 that every player shows. Alpha is shown on black.

    Args:
        frames: (h, w, 3|4) uint8 or float32 in [0, 1], all of one size with even sides.

    Raises:
        RequestError: no frames, odd sides, frames of several sizes; names the frame.
        OutputError: the file cannot be written; what was there before is unchanged.
    """
    import av
    from av.error import FFmpegError

    with whole_file(Path(path)) as temporary:
        try:
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
                _encode(container, _opaque(frames), Fraction(fps).limit_denominator(1001))
        except FFmpegError as error:
            raise OutputError(str(path), f"cannot be written: {error}", hint="choose another place") from error
    return Path(path)


def write_gif(frames: Sequence[Array], path: str | os.PathLike[str], fps: float = 24.0) -> Path:
    """An endless GIF with one palette for all frames: a palette for each would flicker. Alpha is shown on black.

    Args:
        frames: as in `write_mp4`, of any size; fps: at most 50, since players slow down what is faster.

    Raises:
        RequestError, OutputError: as in `write_mp4`.
    """
    from PIL.Image import Dither

    if not len(frames) or not 0 < fps <= 50:
        raise RequestError(
            "fps" if len(frames) else "frames",
            "must be above 0, and at most 50 frames a second for a GIF",
            hint="players slow down what is faster; an MP4 has no such limit"
            if len(frames)
            else "give at least one frame",
        )
    sample = [frames[index] for index in np.linspace(0, len(frames) - 1, _PALETTE_FRAMES).round().astype(int)]
    palette = to_pillow(np.concatenate([*_opaque(sample)], axis=1)).quantize(256)
    pictures = (to_pillow(frame).quantize(palette=palette, dither=Dither.NONE) for frame in _opaque(frames))
    ends = np.rint(np.arange(len(frames) + 1) * 100 / fps).astype(int) * 10  # GIF counts in hundredths of a second
    with whole_file(Path(path)) as temporary:
        next(pictures).save(
            temporary,
            "GIF",
            save_all=True,
            append_images=pictures,
            duration=np.diff(ends).tolist(),
            loop=0,
            optimize=False,
        )
    return Path(path)


def write_exr_frames(frames: Iterable[Array], folder: str | os.PathLike[str]) -> list[Path]:
    """One EXR for each frame, `000000.exr` ...: half float, linear light, alpha premultiplied, as compositors want it.

    Raises:
        OutputError: they cannot be written.
    """
    import OpenEXR

    Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    for index, frame in enumerate(frames):
        path = Path(folder) / f"{index:06d}.exr"
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        pixels = np.ascontiguousarray(_linear(frame).astype(np.float16))
        with whole_file(path) as temporary:
            OpenEXR.File(header, {"RGBA" if pixels.shape[2] == 4 else "RGB": pixels}).write(str(temporary))
        written.append(path)
    return written


def _encode(container: object, frames: Iterator[Array], rate: Fraction) -> None:
    from av import VideoFrame
    from av.container import OutputContainer
    from av.video.reformatter import Colorspace

    assert isinstance(container, OutputContainer)
    first = next(frames, None)
    if first is None:
        raise RequestError("frames", "there are none", hint="run the animation first")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise RequestError("frames", f"are {width} x {height} px, but H.264 needs even sides", hint="crop a pixel")
    stream = container.add_stream("libx264", rate=rate, options={"crf": _CRF})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709: what players assume
    context.color_range = 1
    for index, frame in enumerate(chain([first], frames)):
        if frame.shape != first.shape:
            raise RequestError("frames", f"frame {index} has another size than those before", hint="make them equal")
        pictured = VideoFrame.from_ndarray(frame, format="rgb24")
        container.mux(stream.encode(pictured.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
    container.mux(stream.encode(None))


def _opaque(frames: Iterable[Array]) -> Iterator[Array]:
    """(h, w, 3) uint8 each, on black."""
    for frame in frames:
        eight_bit = np.asarray(to_pillow(frame))
        if eight_bit.shape[2] == 4:
            alpha = eight_bit[..., 3:].astype(np.uint16)
            eight_bit = ((eight_bit[..., :3] * alpha + 127) // 255).astype(np.uint8)
        yield np.ascontiguousarray(eight_bit)


def _linear(frame: Array) -> Array:
    unit = frame.astype(np.float32) / 255 if frame.dtype == np.uint8 else frame
    colour = decode_srgb(unit[..., :3])
    return colour if unit.shape[2] == 3 else np.concatenate([colour * unit[..., 3:], unit[..., 3:]], axis=2)
