"""Requests: small frozen values that say what to make; the same request gives the same pixels everywhere."""

from ..values import replace
from .choices import (
    ControlKind,
    Fill,
    MapEstimator,
    MapFormat,
    NoiseKind,
    NormalConvention,
    PassKind,
    Seamless,
    SeamlessMethod,
    SurfaceKind,
    TextureMap,
)
from .generation import Generation
from .images import Adjust, DepthToImage, ImageToImage, Inpaint, TextToImage, Texture, Upscale
from .paint import ObjectPaint
from .parts import Control, ImagePrompt, Keyframe, Lora, Mesh, PassName, Reuse
from .registry import COMMANDS, Output, RequestKind, kind_of, request_kinds
from .request import Request, from_json, is_json_of
from .sequences import Animation, MeshTexture
from .styles import Style, apply_style, styles

__all__ = [
    "COMMANDS",
    "Adjust",
    "Animation",
    "Control",
    "ControlKind",
    "DepthToImage",
    "Fill",
    "Generation",
    "ImagePrompt",
    "ImageToImage",
    "Inpaint",
    "Keyframe",
    "Lora",
    "MapEstimator",
    "MapFormat",
    "Mesh",
    "MeshTexture",
    "NoiseKind",
    "NormalConvention",
    "ObjectPaint",
    "Output",
    "PassKind",
    "PassName",
    "Request",
    "RequestKind",
    "Reuse",
    "Seamless",
    "SeamlessMethod",
    "Style",
    "SurfaceKind",
    "TextToImage",
    "Texture",
    "TextureMap",
    "Upscale",
    "apply_style",
    "from_json",
    "is_json_of",
    "kind_of",
    "replace",
    "request_kinds",
    "styles",
]
