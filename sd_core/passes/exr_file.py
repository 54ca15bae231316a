"""OpenEXR files as named passes; the OpenEXR package is imported on use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RequestError
from ..values import Array
from ..values.pictures import MAX_SIDE


@dataclass(frozen=True, slots=True)
class ExrPass:
    """One pass: (h, w) arrays by component, such as "R" or "X"."""

    view_layer: str
    name: str
    components: dict[str, Array] = field(default_factory=dict)

    def stack(self, count: int) -> Array:
        """(h, w, count) float32: the first components in the order R G B A, X Y Z W or U V.

        Raises:
            RequestError: there are fewer.
        """
        order = next((names for names in ("RGBA", "XYZW", "UV") if names[0] in self.components), "")
        planes = [self.components[name] for name in order if name in self.components]
        if len(planes) < count:
            raise RequestError(
                self.name,
                f"has the channels {', '.join(self.components)}; {count} are needed",
                hint="write the whole pass",
            )
        return np.stack(planes[:count], axis=-1).astype(np.float32)

    def only(self) -> Array:
        """(h, w): the single component, or the first of several equal ones."""
        return next(iter(self.components.values()))


@dataclass(frozen=True, slots=True)
class ExrFile:
    """The passes of a file, in its order, and the headers of all its parts together."""

    passes: tuple[ExrPass, ...]
    header: dict[str, Any]


def read_exr_file(path: Path) -> ExrFile:
    """Every pass of a file.

    Raises:
        RequestError: missing or damaged, or the OpenEXR package is not installed; names the file.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise RequestError(
            str(path), "cannot be read without the OpenEXR package", hint="pip install OpenEXR"
        ) from error
    if not path.is_file():
        raise RequestError(str(path), "there is no such file", hint="check the path; render the frame first")
    try:
        with OpenEXR.File(str(path), header_only=True) as headers:
            announced = {part.name(): _channels_of(part.header) for part in headers.parts}
        with OpenEXR.File(str(path), separate_channels=True) as file:
            _check_whole(announced, file.parts)
            return _passes(file.parts)
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        raise RequestError(str(path), f"is no readable EXR file: {error}", hint="render the frame again") from error


def _passes(parts: list[Any]) -> ExrFile:
    found: dict[tuple[str, str], ExrPass] = {}
    header: dict[str, Any] = {}
    for part in parts:
        header |= part.header
        for channel, pixels in part.channels.items():
            view_layer, name, component = split_channel(_full_name(part.name() if len(parts) > 1 else "", channel))
            exr_pass = found.setdefault((view_layer, name), ExrPass(view_layer, name))
            # The arrays belong to the file, which is closed.
            exr_pass.components[component] = np.array(pixels.pixels)
    return ExrFile(tuple(found.values()), header)


def _channels_of(header: dict[str, Any]) -> list[str]:
    """The channels of a part, once its size is known to be sane: the library allocates whatever the header says."""
    low, high = header["dataWindow"]
    width, height = (int(side) + 1 for side in high - low)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"it says that it has {width} x {height} px, at most {MAX_SIDE} a side are read")
    return [spec.name for spec in header["channels"]]


def _check_whole(announced: dict[str, list[str]], parts: list[Any]) -> None:
    """Of a truncated file the library gives the parts that it could read, and only prints a warning."""
    read = {part.name(): part.channels for part in parts}
    missing = [name for part, names in announced.items() for name in names if name not in read.get(part, {})]
    if missing or not parts:
        raise ValueError(f"it is truncated, these channels are missing: {', '.join(missing[:3]) or 'all'}")


def _full_name(part: str, channel: str) -> str:
    """Blender repeats the part's name in the channel's; other writers do not."""
    return channel if not part or channel.startswith(f"{part}.") else f"{part}.{channel}"


def split_channel(name: str) -> tuple[str, str, str]:
    """View layer, pass and component of `ViewLayer.Depth.Z`; a bare Z is the depth."""
    *before, component = name.split(".")
    view_layer, pass_name = ".".join(before[:-1]), before[-1] if before else ""
    return view_layer, "depth" if (pass_name, component) == ("", "Z") else pass_name, component.upper()
