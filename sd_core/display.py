"""A result as a notebook shows it. Pillow is imported on use."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .encoding import encode_png
from .requests import Generation
from .values import Array, to_pillow

if TYPE_CHECKING:
    from .results import Result

LOSSLESS_PIXELS = 256 * 256
"""Up to this many pixels a picture is stored in a notebook as PNG, above it as JPEG, so that notebooks stay small."""

_QUALITY = 90
_MOST = 16
"""Images of one result that are shown; a long animation shows its first frames."""


def mimebundle(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """Jupyter's data and metadata of a result: its image, or all of them on one sheet, and a line of text.

    https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data
    """
    pictures = [result.images[index] for index in range(min(len(result.images), _MOST))]
    sheet = pictures[0] if len(pictures) == 1 else contact_sheet(pictures)
    mime, data = encode(sheet)
    height, width = sheet.shape[:2]
    return {mime: base64.b64encode(data).decode(), "text/plain": summary(result)}, {
        mime: {"width": width, "height": height}
    }


def summary(result: Result) -> str:
    """What was made, in one line."""
    height, width = result.images[0].shape[:2]
    count = len(result.images)
    facts = [f"{width} x {height} px", *([f"{count} images"] if count > 1 else [])]
    if isinstance(result.request, Generation):
        facts = [repr(result.request.prompt), *facts, f"seed {result.request.seed}"]
    if "total" in result.timings:
        facts.append(f"{result.timings['total']:.1f} s")
    return f"<{type(result.request).__name__}: {', '.join(facts)}>"


def encode(picture: Array) -> tuple[str, bytes]:
    """MIME type and bytes of a (h, w, 3|4) uint8 picture: PNG where it is small or transparent, else JPEG."""
    if picture.shape[0] * picture.shape[1] <= LOSSLESS_PIXELS or picture.shape[2] == 4:
        return "image/png", encode_png(picture)
    stream = io.BytesIO()
    to_pillow(picture).save(stream, "JPEG", quality=_QUALITY)
    return "image/jpeg", stream.getvalue()


def contact_sheet(pictures: Sequence[Array], *, columns: int | None = None, gap: int = 4) -> Array:
    """Pictures of one size in rows on white, as (h, w, 3) uint8.

    Args:
        pictures: (h, w, 3|4) uint8 each.
        columns: pictures in a row; None: as many as make the sheet as square as can be.
        gap: white px between two pictures.
    """
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height, width = pictures[0].shape[:2]
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture[..., :3]
    return sheet
