"""Parts of requests: adapters, controls, keyframes, what an animation reuses, mesh arrays."""

from __future__ import annotations

import numpy as np

from ..errors import RequestError
from ..values import Array, Role, Value, Wrong, as_control, freeze, option, part
from ..values.checks import choice, flag, integer, name, number, optional, path, text
from .choices import ControlKind, NoiseKind, PassKind


@part
class Lora(Value):
    """LoRA weights.

    path: a `.safetensors` file (diffusers or kohya), a folder or a hub id.
    weight: scale, -10 to 10.
    """

    path: str = option(converter=path, role=Role.LORA)
    weight: float = option(converter=number(-10, 10), default=1.0)


@part
class Control(Value):
    """A ControlNet or T2I-Adapter with its finished control picture.

    kind: what the picture shows; chooses the family's ControlNet where `model` is None.
    image: (h, w, 3) uint8 or float32 in [0, 1], of the size of the result.
    model: hub id or folder of a ControlNet or T2I-Adapter.
    scale: diffusers' `controlnet_conditioning_scale`, or `adapter_conditioning_scale`, 0 to 10.
    start, end: the share of the steps, in [0, 1], during which it acts.
    """

    kind: ControlKind = option(converter=choice(ControlKind))
    image: Array = option(converter=as_control)
    model: str | None = option(converter=optional(path), default=None, role=Role.CONTROLNET)
    scale: float = option(converter=number(0, 10), default=1.0)
    start: float = option(converter=number(0, 1), default=0.0)
    end: float = option(converter=number(0, 1), default=1.0)

    def _check(self) -> None:
        if self.start >= self.end:
            raise RequestError(
                "end", f"must be greater than start, got {self.start:g} to {self.end:g}", hint="use 0 to 1"
            )
        if self.kind is ControlKind.OTHER and self.model is None:
            raise RequestError("model", "is needed where the kind is 'other'", hint="name a ControlNet or T2I-Adapter")


@part
class ImagePrompt(Value):
    """A picture that guides content and style (IP-Adapter).

    image: (h, w, 3) uint8 or float32 in [0, 1], any size.
    scale: its weight against the text, 0 to 10.
    model: hub id, folder or file of the adapter; None: the one known for the model's family.
    """

    image: Array = option(converter=as_control)
    scale: float = option(converter=number(0, 10), default=1.0)
    model: str | None = option(converter=optional(path), default=None, role=Role.IMAGE_PROMPT)


@part
class Keyframe(Value):
    """Settings that hold from `frame` (counted from 0) on, blended with those of the next keyframe; None: unchanged."""

    frame: int = option(converter=integer(0, 10**7))
    prompt: str | None = option(converter=optional(text), default=None)
    strength: float | None = option(converter=optional(number(0, 1, above=True)), default=None)
    guidance_scale: float | None = option(converter=optional(number(0, 100)), default=None)
    controlnet_conditioning_scale: float | None = option(converter=optional(number(0, 10)), default=None)


@part
class PassName(Value):
    """The name under which a renderer other than Blender writes a pass; its conventions must be Blender's.

    kind: what the pass holds.
    name: without the view layer and the channel, such as "zdepth".
    """

    kind: PassKind = option(converter=choice(PassKind))
    name: str = option(converter=name)


@part
class Reuse(Value):
    """What an animation carries from frame to frame; every mechanism can be switched off by name.

    noise: anchored to surfaces, the same for every frame, or drawn anew for each.
    start: denoise each pixel only as far as it needs.
    pin: hold seen surfaces to the frame in which they were made.
    attention: let a frame see the first of its shot beside itself, where it makes something new; the frame before it holds
        already, moved to where it is now.
    colour: hold the colours against drift.
    servo: hold sharpness against drift.
    """

    noise: NoiseKind = option(converter=choice(NoiseKind), default=NoiseKind.SURFACE)
    start: bool = option(converter=flag, default=True)
    pin: bool = option(converter=flag, default=True)
    attention: bool = option(converter=flag, default=True)
    colour: bool = option(converter=flag, default=True)
    servo: bool = option(converter=flag, default=True)

    @classmethod
    def off(cls) -> Reuse:
        """Fixed noise and nothing else: each frame equals a `DepthToImage` of the same seed and depth range."""
        return cls(noise=NoiseKind.FIXED, start=False, pin=False, attention=False, colour=False, servo=False)


def _vertices(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu" or not len(array):
        raise Wrong(f"must be (vertices, 3) numbers, got {array.shape} {array.dtype}", "give one row for each vertex")
    return freeze(_finite(array.astype(np.float32)))


def _faces(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iu" or not len(array):
        raise Wrong(f"must be (triangles, 3) vertex indices, got {array.shape} {array.dtype}", "triangulate the mesh")
    return freeze(array.astype(np.int32))


def _uvs(value: Array) -> Array:
    array = _array(value)
    if array.ndim not in (2, 3) or array.shape[-1] != 2 or array.dtype.kind != "f":
        hint = "give a coordinate for each corner, or for each vertex"
        raise Wrong(f"must be (triangles, 3, 2) or (vertices, 2) floats, got {array.shape} {array.dtype}", hint)
    return freeze(_finite(array.astype(np.float32)))


def _ids(value: Array) -> Array:
    array = _array(value)
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array.size and int(array.min()) < 0):
        hint = "number the objects, or materials, from 0"
        raise Wrong(f"must be one whole number >= 0 for each triangle, got {array.shape} {array.dtype}", hint)
    return freeze(array.astype(np.uint32))


def _array(value: object) -> Array:
    if not isinstance(value, np.ndarray):
        raise Wrong(f"must be a NumPy array, got {type(value).__name__}", "use numpy.asarray")
    return value


def _finite(array: Array) -> Array:
    if not np.isfinite(array).all():
        raise Wrong("holds NaN or infinity", "clean the mesh first")
    return array


@part
class Mesh(Value):
    """Triangles.

    vertices: (v, 3) float32, world space.
    faces: (t, 3) int32, indices into `vertices`.
    uvs: (t, 3, 2) float32, one for each corner, or (v, 2), one for each vertex; None: unwrapped by the engine.
    object_id, material_id: (t,) uint32.
    """

    vertices: Array = option(converter=_vertices)
    faces: Array = option(converter=_faces)
    uvs: Array | None = option(converter=optional(_uvs), default=None)
    object_id: Array | None = option(converter=optional(_ids), default=None)
    material_id: Array | None = option(converter=optional(_ids), default=None)

    def _check(self) -> None:
        if int(self.faces.min()) < 0 or int(self.faces.max()) >= len(self.vertices):
            raise RequestError("faces", f"name vertices outside 0 to {len(self.vertices) - 1}", hint="count from 0")
        corners, points = (len(self.faces), 3, 2), (len(self.vertices), 2)
        if self.uvs is not None and self.uvs.shape not in (corners, points):
            raise RequestError(
                "uvs", f"must be {corners} or {points}, got {self.uvs.shape}", hint="one for each corner"
            )
        for field in ("object_id", "material_id"):
            ids = getattr(self, field)
            if ids is not None and len(ids) != len(self.faces):
                raise RequestError(
                    field, f"has {len(ids)} entries for {len(self.faces)} triangles", hint="one for each"
                )
