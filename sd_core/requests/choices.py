"""The closed choices of requests; strings of the same value are accepted everywhere."""

from __future__ import annotations

from enum import StrEnum


class Seamless(StrEnum):
    """Axes along which the image wraps around."""

    NONE = "none"
    X = "x"
    Y = "y"
    XY = "xy"


class SeamlessMethod(StrEnum):
    """How the edges meet: exactly, by networks whose convolutions wrap, or nearly, by moving the picture at every step."""

    PADDING = "padding"
    ROLLING = "rolling"


class Fill(StrEnum):
    """What the masked area of an `Inpaint` is filled with before denoising."""

    NOISE = "noise"
    ORIGINAL = "original"
    SURROUNDINGS = "surroundings"


class ControlKind(StrEnum):
    """What the picture of a `Control` shows; "other" needs a `model`."""

    DEPTH = "depth"
    NORMAL = "normal"
    CANNY = "canny"
    LINEART = "lineart"
    SOFTEDGE = "softedge"
    SCRIBBLE = "scribble"
    MLSD = "mlsd"
    SEGMENTATION = "segmentation"
    OPENPOSE = "openpose"
    TILE = "tile"
    INPAINT = "inpaint"
    OTHER = "other"


class TextureMap(StrEnum):
    """The maps of a material."""

    BASE_COLOR = "base_color"
    NORMAL = "normal"
    HEIGHT = "height"
    ROUGHNESS = "roughness"
    AMBIENT_OCCLUSION = "ambient_occlusion"
    METALLIC = "metallic"


class MapEstimator(StrEnum):
    """What makes maps without a checkpoint: the network in the package, or a rule that takes bright for high."""

    BUILTIN = "builtin"
    RULE = "rule"


class MapFormat(StrEnum):
    """Files of the maps that are data: PNG of 16 bit, or EXR beside it."""

    PNG = "png"
    EXR = "exr"


class NormalConvention(StrEnum):
    """Direction of the green channel of a normal map: up (OpenGL) or down (DirectX)."""

    OPENGL = "opengl"
    DIRECTX = "directx"


class PassKind(StrEnum):
    """What a pass of a renderer holds; `rest_position` is the one that `position` is read from where it is there."""

    DEPTH = "depth"
    MOTION = "motion"
    IMAGE = "image"
    OBJECT_INDEX = "object_index"
    POSITION = "position"
    REST_POSITION = "rest_position"
    NORMAL = "normal"
    UV = "uv"


class NoiseKind(StrEnum):
    """How the noise of an animation goes from frame to frame."""

    SURFACE = "surface"
    FIXED = "fixed"
    INDEPENDENT = "independent"


class SurfaceKind(StrEnum):
    """How an object of a mesh gets its surface: painted from views, from a tiling texture, or as it is."""

    VIEWS = "views"
    TILE = "tile"
    KEEP = "keep"
