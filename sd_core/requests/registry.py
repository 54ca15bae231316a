"""The kinds of request: by the names under which they are asked for in words, as on the command line; and from JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from ..errors import RequestError
from ..values import KINDS, Array, Value
from ..values.codec import read_json
from .images import Adjust, DepthToImage, ImageToImage, Inpaint, TextToImage, Texture, Upscale
from .request import Request
from .sequences import Animation, MeshTexture

COMMANDS: Mapping[str, type[Request]] = MappingProxyType(
    {
        "txt2img": TextToImage,
        "img2img": ImageToImage,
        "depth2img": DepthToImage,
        "inpaint": Inpaint,
        "upscale": Upscale,
        "adjust": Adjust,
        "texture": Texture,
        "texture-mesh": MeshTexture,
        "animate": Animation,
    }
)

REQUESTS: tuple[type[Request], ...] = tuple(COMMANDS.values())
PARTS: tuple[type[Value], ...] = tuple(kind for kind in KINDS.values() if not issubclass(kind, Request))
"""What requests are made of."""


def from_json(
    text: str | bytes,
    arrays: Mapping[str, Array] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Request:
    """The request that `Request.to_json` wrote.

    Args:
        text: JSON.
        arrays: the arrays by digest, as `request.arrays()` gives them.
        folder: where those not in `arrays` are looked for, as `<sha256>.npy`; a server has all other bytes as `<sha256>.bin`.

    Raises:
        RequestError: no JSON, an unknown type or field, a wrong value (`field` says where), a missing or altered array.
    """
    request = read_json(text, arrays, folder)
    if not isinstance(request, Request):
        raise RequestError("type", "is no request", hint=f"use one of {', '.join(cls.__name__ for cls in REQUESTS)}")
    return request
