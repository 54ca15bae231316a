"""The kinds of request by the names under which they are asked for in words: on the command line, in a notebook's cell."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
