"""Parts of requests: adapters, controls, keyframes, what an animation reuses, mesh arrays."""

from __future__ import annotations

import numpy as np

from ..errors import RequestError
from ..values import About, Array, InvalidValue, Role, Value, as_control, field, freeze, positional
from ..values.checks import choice, flag, integer, name, number, optional, path, text
from .choices import ControlKind, NoiseKind, PassKind


@positional
class Lora(Value):
    """LoRA weights.

    Examples:
        >>> Lora("watercolour.safetensors", 0.8).weight
        0.8
    """

    path: str = field(
        about=About(label="LoRA", help="Name in the LoRA folder, .safetensors file, folder or Hugging Face id"),
        converter=path,
        role=Role.LORA,
    )
    weight: float = field(
        about=About(label="Weight", help="How strongly the LoRA acts"),
        converter=number(-10, 10),
        default=1.0,
    )


@positional
class Control(Value):
    """A ControlNet or T2I-Adapter with its finished control picture.

    Examples:
        >>> edges = np.zeros((64, 96, 3), np.uint8)
        >>> Control("canny", edges, scale=0.7, end=0.8).kind
        <ControlKind.CANNY: 'canny'>
    """

    kind: ControlKind = field(
        about=About(
            label="Kind",
            help="What the control picture shows, such as depth; selects the ControlNet of the model where none is named",
        ),
        converter=choice(ControlKind),
    )
    image: Array = field(
        about=About(label="Control Picture", help="Control picture (already preprocessed), of the size of the result"),
        converter=as_control,
    )
    model: str | None = field(
        about=About(
            label="ControlNet",
            help="ControlNet or T2I-Adapter: a Hugging Face id or a folder",
            unset="the usual ControlNet for this model and kind",
        ),
        converter=optional(path),
        default=None,
        role=Role.CONTROLNET,
    )
    scale: float = field(
        about=About(label="Scale", help="How strongly the ControlNet acts"),
        converter=number(0, 10),
        default=1.0,
    )
    start: float = field(
        about=About(label="Start", help="Fraction of the steps at which the ControlNet starts (0 to 1)"),
        converter=number(0, 1),
        default=0.0,
    )
    end: float = field(
        about=About(label="End", help="Fraction of the steps at which the ControlNet ends (0 to 1)"),
        converter=number(0, 1),
        default=1.0,
    )

    def _check(self) -> None:
        if self.start >= self.end:
            raise RequestError(
                "end", f"must be greater than start, got {self.start:g} to {self.end:g}", hint="use 0 to 1"
            )
        if self.kind is ControlKind.OTHER and self.model is None:
            raise RequestError("model", "is needed where the kind is 'other'", hint="name a ControlNet or T2I-Adapter")


@positional
class ImagePrompt(Value):
    """A reference picture for content and style (IP-Adapter)."""

    image: Array = field(
        about=About(label="Picture", help="Reference picture of any size for content and style"), converter=as_control
    )
    scale: float = field(
        about=About(label="Scale", help="Weight of the picture against the text"),
        converter=number(0, 10),
        default=1.0,
    )
    model: str | None = field(
        about=About(
            label="IP-Adapter",
            help="IP-Adapter: a Hugging Face id, a folder or a file",
            unset="the usual one for the model",
        ),
        converter=optional(path),
        default=None,
        role=Role.IMAGE_PROMPT,
    )


@positional
class Keyframe(Value):
    """Settings from `frame` (counted from 0) on, blended with those of the next keyframe; None: unchanged.

    Examples:
        >>> Keyframe(24, prompt="green grass").frame
        24
    """

    frame: int = field(
        about=About(label="Frame", help="Frame from which the settings hold, counted from 0"),
        converter=integer(0, 10**7),
    )
    prompt: str | None = field(
        about=About(label="Prompt", help="What the frames show from here on", unset="as before"),
        converter=optional(text),
        default=None,
    )
    strength: float | None = field(
        about=About(label="Strength", help="How much of the frames may change from here on", unset="as before"),
        converter=optional(number(0, 1, above=True)),
        default=None,
    )
    guidance_scale: float | None = field(
        about=About(label="Guidance", help="How closely the frames follow the prompt from here on", unset="as before"),
        converter=optional(number(0, 100)),
        default=None,
    )
    controlnet_conditioning_scale: float | None = field(
        about=About(
            label="Depth Scale",
            help="How strongly the depth guides the frames from here on",
            unset="as before",
        ),
        converter=optional(number(0, 10)),
        default=None,
    )


@positional
class PassName(Value):
    """The name under which a renderer other than Blender writes a pass; its conventions must be Blender's."""

    kind: PassKind = field(about=About(label="Kind", help="What the pass holds"), converter=choice(PassKind))
    name: str = field(
        about=About(label="Name", help="Name of the pass without the view layer and the channel, such as zdepth"),
        converter=name,
    )


@positional
class Reuse(Value):
    """What an animation carries from frame to frame; every mechanism can be switched off by name.

    Examples:
        >>> Reuse(noise="fixed", pin=False).noise
        <NoiseKind.FIXED: 'fixed'>
        >>> Reuse.off().start
        False
    """

    noise: NoiseKind = field(
        about=About(
            label="Noise",
            help="Noise that follows the surfaces, is the same in every frame (fixed), or another in every frame",
        ),
        converter=choice(NoiseKind),
        default=NoiseKind.SURFACE,
    )
    start: bool = field(
        about=About(
            label="Reuse Latents",
            help="Denoise each latent only as far as it needs, from what the frames before made of its surface",
        ),
        converter=flag,
        default=True,
    )
    pin: bool = field(
        about=About(
            label="Keep Seen Surfaces", help="Pull surfaces that were seen before towards what was first made of them"
        ),
        converter=flag,
        default=True,
    )
    attention: bool = field(
        about=About(
            label="Reference Attention", help="New areas attend to the first frame of the shot, so that they match it"
        ),
        converter=flag,
        default=True,
    )
    colour: bool = field(
        about=About(label="Color Matching", help="Remove the drift of colours against the frames before"),
        converter=flag,
        default=True,
    )
    servo: bool = field(
        about=About(
            label="Keep Sharpness", help="Remove the loss of sharpness that each pass through the autoencoder causes"
        ),
        converter=flag,
        default=True,
    )

    @classmethod
    def off(cls) -> Reuse:
        """Fixed noise and nothing else: each frame equals a `DepthToImage` of the same seed and depth range."""
        return cls(noise=NoiseKind.FIXED, start=False, pin=False, attention=False, colour=False, servo=False)


def _vertices(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu" or not len(array):
        raise InvalidValue(
            f"must be (vertices, 3) numbers, got {array.shape} {array.dtype}", "give one row for each vertex"
        )
    return freeze(_finite(array.astype(np.float32)))


def _faces(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iu" or not len(array):
        raise InvalidValue(
            f"must be (triangles, 3) vertex indices, got {array.shape} {array.dtype}", "triangulate the mesh"
        )
    return freeze(array.astype(np.int32))


def _uvs(value: Array) -> Array:
    array = _array(value)
    if array.ndim not in (2, 3) or array.shape[-1] != 2 or array.dtype.kind != "f":
        hint = "give a coordinate for each corner, or for each vertex"
        raise InvalidValue(f"must be (triangles, 3, 2) or (vertices, 2) floats, got {array.shape} {array.dtype}", hint)
    return freeze(_finite(array.astype(np.float32)))


def _ids(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array.size and int(array.min()) < 0):
        hint = "number the objects, or materials, from 0"
        raise InvalidValue(f"must be one whole number >= 0 for each triangle, got {array.shape} {array.dtype}", hint)
    return freeze(array.astype(np.uint32))


def _array(value: object) -> Array:
    if not isinstance(value, np.ndarray):
        raise InvalidValue(f"must be a NumPy array, got {type(value).__name__}", "use numpy.asarray")
    return value


def _finite(array: Array) -> Array:
    if not np.isfinite(array).all():
        raise InvalidValue("holds NaN or infinity", "clean the mesh first")
    return array


@positional
class Mesh(Value):
    """Triangles.

    Examples:
        >>> corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
        >>> Mesh(vertices=corners, faces=np.array([[0, 1, 2]], np.int32)).faces.shape
        (1, 3)
    """

    vertices: Array = field(
        role=Role.ARRAY,
        about=About(label="Vertices", help="Positions (v, 3) float32 in world space", unit="scene units"),
        converter=_vertices,
    )
    faces: Array = field(
        role=Role.ARRAY,
        about=About(label="Faces", help="Triangles (t, 3) int32, indices into the vertices"),
        converter=_faces,
    )
    uvs: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="UVs",
            help="Texture coordinates: (t, 3, 2) float32 for each corner, or (v, 2) for each vertex",
            unset="unwrapped by the engine",
        ),
        converter=optional(_uvs),
        default=None,
    )
    object_id: Array | None = field(
        role=Role.ARRAY,
        about=About(label="Object IDs", help="Number of the object (t,) uint32 of each triangle", unset="one object"),
        converter=optional(_ids),
        default=None,
    )
    material_id: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="Material IDs", help="Number of the material (t,) uint32 of each triangle", unset="one material"
        ),
        converter=optional(_ids),
        default=None,
    )

    def _check(self) -> None:
        if int(self.faces.min()) < 0 or int(self.faces.max()) >= len(self.vertices):
            raise RequestError("faces", f"name vertices outside 0 to {len(self.vertices) - 1}", hint="count from 0")
        corners, points = (len(self.faces), 3, 2), (len(self.vertices), 2)
        if self.uvs is not None and self.uvs.shape not in (corners, points):
            raise RequestError(
                "uvs", f"must be {corners} or {points}, got {self.uvs.shape}", hint="one for each corner"
            )
        for name_ in ("object_id", "material_id"):
            ids = getattr(self, name_)
            if ids is not None and len(ids) != len(self.faces):
                raise RequestError(
                    name_, f"has {len(ids)} entries for {len(self.faces)} triangles", hint="one for each"
                )
