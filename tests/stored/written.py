"""What the files in `all_formats/` hold, as code: `make_all_formats.py` wrote it, the tests compare with it.

All arrays are made of whole numbers and exact fractions, so that every machine gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sd_core import (
    Adjust,
    Animation,
    Camera,
    Control,
    DepthToImage,
    FramePasses,
    ImagePrompt,
    ImageToImage,
    Inpaint,
    Keyframe,
    Lora,
    Mesh,
    MeshTexture,
    PassName,
    Request,
    Reuse,
    TextToImage,
    Texture,
    Upscale,
)
from sd_core.passes import PositionSpace
from sd_core.requests import (
    ControlKind,
    Fill,
    NoiseKind,
    NormalConvention,
    PassKind,
    Seamless,
    SeamlessMethod,
    TextureMap,
)


def picture(side: int = 16, channels: int = 3) -> np.ndarray:
    """(side, side, channels) uint8: slopes in different directions."""
    rows, columns = np.mgrid[0:side, 0:side]
    planes = (columns * 256 // side, rows * 256 // side, (rows + columns) * 128 // side, 255 - rows * 8)
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def mask(side: int = 16) -> np.ndarray:
    """(side, side) float32: the left quarter, a half-transparent column, nothing."""
    held = np.zeros((side, side), np.float32)
    held[:, : side // 4], held[:, side // 4] = 1, 0.5
    return held


def depth(side: int = 16) -> np.ndarray:
    """(side, side) float32: a box at 2 before a wall at 4 and a background."""
    held = np.full((side, side), 4, np.float32)
    held[side // 4 : side // 2, side // 4 : side // 2], held[0] = 2, np.inf
    return held


CAMERA = Camera(np.diag([1.0, 2.0, 3.0, 1.0]), np.array([[16, 0, 8], [0, 16, 8], [0, 0, 1.0]]))
QUAD = Mesh(
    vertices=np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uvs=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32),
    object_id=np.array([1, 1], np.uint32),
    material_id=np.array([0, 1], np.uint32),
)

EVERY_COMMON: dict[str, Any] = {
    "prompt": "木 wall, (mossy stone:1.3)", "negative_prompt": 'blur, "text"', "num_inference_steps": 17, "guidance_scale": 2.5,
    "scheduler": "dpmpp_2m_karras", "seed": 2**31 - 9, "model": "stabilityai/sd-turbo",
    "loras": (Lora("loras/moss.safetensors", 0.5), Lora("somebody/frost", -1.25)),
    "image_prompt": ImagePrompt(picture(8), 0.75, "models/ip-adapter"), "seamless": Seamless.Y,
    "seamless_method": SeamlessMethod.ROLLING,
}  # fmt: skip
"""Every field that all generated images have, but sizes, `num_images` and `controls`."""


def sized(side: int = 16) -> dict[str, Any]:
    """The fields of a picture of `side` px."""
    control = Control("depth", picture(side), "models/depth", scale=0.5, start=0.25, end=0.75)
    return {**EVERY_COMMON, "width": side, "height": side, "controls": (control,)}


SIZED, MANY = sized(), {**sized(), "num_images": 3}
DEPTH_CONTROL: dict[str, Any] = {"controlnet": "models/depth", "controlnet_conditioning_scale": 0.625}

NO_EFFECT: dict[str, Any] = {name: SIZED[name] for name in ("controls", "seamless", "seamless_method")}
"""What 0.1.0 recorded for a `MeshTexture`, where it had no effect."""

FRAME = FramePasses(
    depth=depth(), motion=np.full((16, 16, 4), 0.5, np.float32), image=picture(channels=4),
    object_id=np.full((16, 16), 7, np.uint32), position=np.full((16, 16, 3), 1.5, np.float32), position_space=PositionSpace.REST,
    normal=np.full((16, 16, 3), (0, 0, 1), np.float32), uv=np.full((16, 16, 2), 0.25, np.float32), camera=CAMERA, cut=True,
)  # fmt: skip
_ANIMATED: dict[str, Any] = {
    **DEPTH_CONTROL, "depth_estimator": "models/depth-anything", "depth_range": (0.5, 40.0), "strength": 0.875,
    "pass_names": tuple(PassName(kind, f"pass {kind}") for kind in PassKind),
    "keyframes": (
        Keyframe(2, "snow", 0.5, 3.5, 0.25),
        Keyframe(9),
    ),
}  # fmt: skip

REQUESTS: dict[str, Request] = {
    "text_to_image": TextToImage(**MANY),
    "text_to_image_plain": TextToImage(prompt="plain"),
    "text_to_image_controls": TextToImage(
        prompt="", controls=[Control(kind, picture(), f"models/{kind}") for kind in ControlKind]
    ),
    "image_to_image": ImageToImage(**MANY, image=picture(channels=4), strength=0.375),
    "depth_to_image": DepthToImage(
        **MANY, **DEPTH_CONTROL, depth=depth(), depth_range=(0.5, 40.0), image=picture(), strength=0.375
    ),
    "depth_to_image_picture": DepthToImage(prompt="near is white", depth=picture()[..., 0]),
    "inpaint": Inpaint(
        **MANY | sized(48), image=picture(), mask=mask(), strength=0.375,
        fill=Fill.SURROUNDINGS, feather=2.5, expand=(8, 0, 24, 32),
    ),
    "inpaint_original": Inpaint(prompt="x", image=picture().astype(np.float32) / 256, mask=mask(), fill=Fill.ORIGINAL),
    "upscale": Upscale(**MANY | sized(48), image=picture(), scale=3.0, strength=0.375),
    "adjust": Adjust(
        image=picture(channels=4), exposure=-1.5, contrast=1.25, saturation=0.75, hue=-45.0, temperature=0.5, match=picture(8)
    ),
    "texture": Texture(
        **SIZED | {"seamless": Seamless.X}, maps=tuple(TextureMap)[::-1], normal_convention=NormalConvention.DIRECTX,
        estimator="models/marigold", image=picture(), strength=0.375,
    ),
    "texture_untiled": Texture(prompt="x", seamless=Seamless.NONE, maps=()),
    "mesh_texture": MeshTexture(
        **{name: held for name, held in SIZED.items() if name not in NO_EFFECT}, **DEPTH_CONTROL, mesh=QUAD, views=(CAMERA,),
        max_views=3, texture_size=64, image=picture(64), mask=mask(64),
    ),
    "mesh_texture_file": MeshTexture(prompt="rust", mesh="meshes/teapot.glb", texture_size=2048),
    "animation": Animation(
        **_ANIMATED, **sized(8), passes=(FRAME, FRAME), overscan=4, reuse=Reuse.off()
    ),
    "animation_files": Animation(
        prompt="x", passes=("passes/1.exr", "passes/2.exr"), overscan=16, reuse=Reuse(noise=NoiseKind.INDEPENDENT)
    ),
    "animation_pattern": Animation(prompt="x", passes="passes/####.exr", reuse=Reuse(noise=NoiseKind.SURFACE, pin=False)),
}  # fmt: skip
"""By the name of the file: each kind with every field set, and each choice that there is."""

_SMALL: dict[str, Any] = {"model": "builtin", "num_inference_steps": 2, "seed": 5, "guidance_scale": 3.0}
PAINTED: dict[str, Request] = {
    "text_to_image": TextToImage(
        prompt="red wall", negative_prompt="blue", width=64, height=72, num_images=2, scheduler="euler", **_SMALL
    ),
    "image_to_image": ImageToImage(prompt="red wall", image=picture(64), strength=0.75, **_SMALL),
    "depth_to_image": DepthToImage(prompt="red wall", depth=depth(64), depth_range=(1.0, 8.0), **_SMALL),
    "inpaint": Inpaint(prompt="red wall", image=picture(64), mask=mask(64), feather=2.0, fill="original", **_SMALL),
    "upscale": Upscale(prompt="red wall", image=picture(32), scale=2.0, strength=0.5, **_SMALL),
    "adjust": Adjust(image=picture(64), exposure=0.5, hue=30.0),
    "texture": Texture(prompt="red wall", width=64, height=64, maps=("base_color", "normal", "height"), **_SMALL),
    "mesh_texture": MeshTexture(
        prompt="red wall", mesh=QUAD, max_views=1, texture_size=64, width=64, height=64, **_SMALL
    ),
}
"""What is painted by the built-in model and saved as `<name>.png`."""


def _shot(count: int, side: int) -> tuple[FramePasses, ...]:
    """A box at 2 that stands before a wall at 4; the camera goes sideways, by 2 px a frame on the wall."""
    return tuple(_shot_frame(index, side) for index in range(count))


def _shot_frame(index: int, side: int) -> FramePasses:
    left = side // 2 - 4 * index
    far, moved = np.full((side, side), 4, np.float32), np.zeros((side, side, 4), np.float32)
    moved[...] = (2, 0, -2, 0)
    box = np.s_[side // 4 : side * 3 // 4, left : left + side // 4]
    far[box], moved[box] = 2, (4, 0, -4, 0)
    return FramePasses(depth=far, motion=moved, object_id=np.where(far == 2, 2, 1).astype(np.uint32))


FILM = Animation(prompt="red wall", passes=_shot(2, side=32), depth_range=(1.0, 8.0), **_SMALL)

JOBS: dict[str, tuple[str, Request]] = {
    "stored-done": ("done", PAINTED["text_to_image"]),
    "stored-input": ("done", PAINTED["adjust"]),
    "stored-film": ("done", FILM),
    "stored-failed": (
        "failed",
        TextToImage(prompt="red wall", scheduler="no_such_scheduler", width=64, height=64, **_SMALL),
    ),
    "stored-cancelled": ("cancelled", TextToImage(prompt="cancelled", width=64, height=64, **_SMALL)),
    "stored-queued": ("queued", TextToImage(prompt="red wall", width=64, height=64, **_SMALL)),
}
"""The server's jobs by id: their state and what was asked for."""

ALLOWED = ("somebody/frost", "somebody/moss")
PRESETS = {"mossy: wall/1": REQUESTS["text_to_image"], "plain": REQUESTS["text_to_image_plain"]}
"""The user's presets of the notebook; a preset holds no pictures."""
