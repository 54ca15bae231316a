"""Requests are checked values: defaults as documented, wrong ones named with field and remedy, equality by content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sd_core
from sd_core import RequestError
from sd_core.passes import Camera, FramePasses
from sd_core.requests import (
    Adjust,
    Animation,
    Control,
    DepthToImage,
    ImagePrompt,
    ImageToImage,
    Inpaint,
    Keyframe,
    Lora,
    Mesh,
    MeshTexture,
    NoiseKind,
    Request,
    Reuse,
    TextToImage,
    Texture,
    Upscale,
    replace,
)

PICTURE = np.linspace(0, 255, 16 * 24 * 3).astype(np.uint8).reshape(16, 24, 3)
DEPTH = np.linspace(1, 9, 16 * 24, dtype=np.float32).reshape(16, 24)
MASK = np.zeros((16, 24), bool)
FRAME = FramePasses(depth=DEPTH)
VERTICES = np.eye(3, dtype=np.float32)
FACES = np.array([[0, 1, 2]])


def text(**changes: Any) -> TextToImage:
    return TextToImage(prompt="a wall", **changes)


def image(**changes: Any) -> ImageToImage:
    return ImageToImage(**{"prompt": "a wall", "image": PICTURE} | changes)


def depth(**changes: Any) -> DepthToImage:
    return DepthToImage(**{"prompt": "a wall", "depth": DEPTH} | changes)


def inpaint(**changes: Any) -> Inpaint:
    return Inpaint(**{"prompt": "a wall", "image": PICTURE, "mask": MASK} | changes)


def animation(**changes: Any) -> Animation:
    return Animation(**{"prompt": "a wall", "passes": [FRAME]} | changes)


def mesh(**changes: Any) -> Mesh:
    return Mesh(**{"vertices": VERTICES, "faces": FACES} | changes)


NAN_DEPTH = np.where(DEPTH > 8, np.nan, DEPTH)
BOOL: Any = True
WORD: Any = "seven"

WRONG: list[tuple[str, Callable[[], object]]] = [
    ("prompt", lambda: TextToImage(prompt=BOOL)),
    ("prompt", lambda: TextToImage(prompt="\ud800")),
    ("width", lambda: text(width=515)),
    ("width", lambda: text(width=0)),
    ("height", lambda: text(height=-8)),
    ("height", lambda: text(height=512.0)),
    ("width", lambda: text(width=1 << 40)),
    ("num_inference_steps", lambda: text(num_inference_steps=0)),
    ("guidance_scale", lambda: text(guidance_scale=float("nan"))),
    ("guidance_scale", lambda: text(guidance_scale=-1)),
    ("guidance_scale", lambda: text(guidance_scale=WORD)),
    ("scheduler", lambda: text(scheduler="")),
    ("seed", lambda: text(seed=2**31)),
    ("seed", lambda: text(seed=-1)),
    ("seed", lambda: text(seed=BOOL)),
    ("seed", lambda: text(seed=10**6000)),
    ("seed", lambda: text(seed=2**31 - 1, num_images=2)),
    ("num_images", lambda: text(num_images=0)),
    ("model", lambda: text(model=" ")),
    ("loras", lambda: text(loras="style.safetensors")),
    ("loras", lambda: text(loras=["style.safetensors"])),
    ("controls", lambda: text(controls=Control("depth", PICTURE))),
    ("seamless", lambda: text(seamless="diagonal")),
    ("seamless_method", lambda: text(seamless_method="mirror")),
    ("image_prompt", lambda: text(image_prompt=PICTURE)),
    ("width", lambda: text(width=512, controls=[Control("depth", PICTURE)])),
    ("controls[1].image", lambda: text(controls=[Control("depth", PICTURE), Control("canny", PICTURE[:8])])),
    ("image", lambda: image(image=PICTURE[:15])),
    ("image", lambda: image(image=PICTURE[:0])),
    ("image", lambda: image(image=PICTURE[..., :2])),
    ("image", lambda: image(image=PICTURE[..., 0])),
    ("image", lambda: image(image=PICTURE.astype(np.int64))),
    ("image", lambda: image(image=PICTURE.astype(np.float32))),
    ("image", lambda: image(image=np.full((16, 24, 3), np.nan))),
    ("image", lambda: image(image=[[1, 2, 3]])),
    ("image", lambda: image(image="no such file.png")),
    ("width", lambda: image(width=32)),
    ("strength", lambda: image(strength=0)),
    ("strength", lambda: image(strength=1.01)),
    ("depth", lambda: depth(depth=NAN_DEPTH)),
    ("depth", lambda: depth(depth=-DEPTH)),
    ("depth", lambda: depth(depth=DEPTH - 1)),
    ("depth", lambda: depth(depth=DEPTH[:15])),
    ("depth", lambda: depth(depth=DEPTH[..., None])),
    ("depth", lambda: depth(depth=DEPTH.astype(np.int32))),
    ("image", lambda: depth(image=PICTURE[:8])),
    ("strength", lambda: depth(strength=0.5)),
    ("depth_range", lambda: depth(depth_range=(2, 1))),
    ("depth_range", lambda: depth(depth_range=(0, 1))),
    ("depth_range", lambda: depth(depth_range=(1, float("inf")))),
    ("depth_range", lambda: depth(depth_range=(1, 2, 3))),
    ("depth_range", lambda: depth(depth=np.zeros((8, 8), np.uint8), depth_range=(1, 2))),
    ("controlnet_conditioning_scale", lambda: depth(controlnet_conditioning_scale=-1)),
    ("mask", lambda: inpaint(mask=MASK[:8])),
    ("mask", lambda: inpaint(mask=None)),
    ("mask", lambda: inpaint(mask=np.full((16, 24), 2.0))),
    ("mask", lambda: inpaint(mask=PICTURE)),
    ("fill", lambda: inpaint(fill="black")),
    ("feather", lambda: inpaint(feather=-1)),
    ("expand", lambda: inpaint(expand=(1, 2, 3))),
    ("expand", lambda: inpaint(expand=(-8, 0, 0, 0))),
    ("expand", lambda: inpaint(expand=(3, 0, 0, 0))),
    ("scale", lambda: Upscale(prompt="", image=PICTURE, scale=0.5)),
    ("scale", lambda: Upscale(prompt="", image=PICTURE, scale=1.1)),
    ("hue", lambda: Adjust(image=PICTURE, hue=999)),
    ("exposure", lambda: Adjust(image=PICTURE, exposure=float("inf"))),
    ("match", lambda: Adjust(image=PICTURE, match=np.zeros((4, 4, 4), np.uint8))),
    ("num_images", lambda: Texture(prompt="", num_images=2)),
    ("maps", lambda: Texture(prompt="", maps=("normal", "normal"))),
    ("maps", lambda: Texture(prompt="", maps=("gloss",))),
    ("strength", lambda: Texture(prompt="", strength=0.5)),
    ("normal_convention", lambda: Texture(prompt="", normal_convention="left")),
    ("mesh", lambda: MeshTexture(prompt="", mesh="")),
    ("views", lambda: MeshTexture(prompt="", mesh="a.glb", views=[])),
    ("num_images", lambda: MeshTexture(prompt="", mesh="a.glb", num_images=4)),
    ("texture_size", lambda: MeshTexture(prompt="", mesh="a.glb", texture_size=1)),
    ("passes", lambda: animation(passes=[])),
    ("passes", lambda: animation(passes="")),
    ("passes", lambda: animation(passes=[3])),
    ("keyframes", lambda: animation(keyframes=[Keyframe(1), Keyframe(1)])),
    ("overscan", lambda: animation(overscan=8)),
    ("overscan", lambda: animation(overscan=-8)),
    ("width", lambda: animation(width=512)),
    ("strength", lambda: Keyframe(0, strength=0)),
    ("frame", lambda: Keyframe(-1)),
    ("noise", lambda: Reuse(noise="perlin")),
    ("pin", lambda: Reuse(pin=WORD)),
    ("path", lambda: Lora("")),
    ("weight", lambda: Lora("a", float("inf"))),
    ("kind", lambda: Control("ultrasound", PICTURE)),
    ("model", lambda: Control("other", PICTURE)),
    ("start", lambda: Control("depth", PICTURE, start=-0.1)),
    ("end", lambda: Control("depth", PICTURE, end=1.1)),
    ("end", lambda: Control("depth", PICTURE, start=0.5, end=0.5)),
    ("image", lambda: Control("depth", np.zeros((8, 8, 4), np.uint8))),
    ("faces", lambda: mesh(faces=np.array([[0, 1, 3]]))),
    ("faces", lambda: mesh(faces=np.array([[0.0, 1, 2]]))),
    ("vertices", lambda: mesh(vertices=VERTICES * np.nan)),
    ("uvs", lambda: mesh(uvs=np.zeros((2, 3, 2)))),
    ("object_id", lambda: mesh(object_id=np.array([1, 2]))),
    ("motion", lambda: FramePasses(depth=DEPTH, motion=np.zeros((8, 24, 4)))),
    ("depth", lambda: FramePasses(depth=-DEPTH)),
    ("matrix_world", lambda: Camera(np.eye(3), np.eye(3))),
    ("intrinsics", lambda: Camera(np.eye(4), np.eye(3) * np.nan)),
    ("colour", lambda: replace(text(), colour="red")),
    ("width", lambda: replace(text(), width=3)),
]


@pytest.mark.parametrize(("field", "make"), WRONG, ids=[f"{i}-{field}" for i, (field, _) in enumerate(WRONG)])
def test_a_wrong_value_names_its_field_and_says_what_is_wrong(field: str, make: Callable[[], object]) -> None:
    with pytest.raises(RequestError) as caught:
        make()
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ") and len(caught.value.message) > 5


def test_a_wrong_size_comes_with_the_sizes_that_would_do() -> None:
    with pytest.raises(RequestError, match="width: must be a multiple of 8, got 515; use 512 or 520"):
        text(width=515)


def test_defaults_are_those_of_the_design() -> None:
    request = text()
    assert (request.negative_prompt, request.num_images, request.loras, request.controls) == ("", 1, (), ())
    assert request.width is request.height is request.seed is request.scheduler is request.model is None
    assert request.seamless == "none" and Texture(prompt="").seamless == "xy"
    assert image().strength == 0.75 and depth().strength == inpaint().strength == 1.0
    assert Upscale(prompt="", image=PICTURE).strength == 0.3 and Upscale(prompt="", image=PICTURE).scale == 2
    assert inpaint().fill == "noise" and inpaint().expand == (0, 0, 0, 0)
    assert [str(kind) for kind in Texture(prompt="").maps] == [
        "base_color", "normal", "height", "roughness", "ambient_occlusion", "metallic",
    ]  # fmt: skip
    assert animation().reuse == Reuse() and animation().overscan == 0


def test_reuse_off_is_fixed_noise_and_nothing_else() -> None:
    off = Reuse.off()
    assert off.noise is NoiseKind.FIXED
    assert not any(getattr(off, field.name) for field in dataclasses.fields(off) if field.name != "noise")


def test_equal_content_is_equal_and_hashes_alike() -> None:
    first, second = image(seed=3), image(image=PICTURE.copy(order="F"), seed=3)
    assert first == second and hash(first) == hash(second) and len({first, second}) == 1
    assert first != image(seed=4) and first != image(image=PICTURE + 1, seed=3) and first != text(seed=3)


def test_numbers_of_any_kind_make_the_same_request() -> None:
    assert text(guidance_scale=7, seed=np.int64(3)) == text(guidance_scale=np.float64(7.0), seed=3)
    assert text(guidance_scale=7).to_json() == text(guidance_scale=7.0).to_json()


def test_arrays_are_copied_and_cannot_be_changed() -> None:
    mine = PICTURE.copy()
    request = image(image=mine)
    mine[:] = 0
    assert (request.image == PICTURE).all()
    with pytest.raises(ValueError, match="read-only"):
        request.image[0, 0, 0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        request.image.flags.writeable = True


def test_a_request_is_frozen_and_slotted() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        text().seed = 3  # type: ignore[misc]
    assert not hasattr(text(), "__dict__")


def test_a_changed_copy_shares_its_arrays() -> None:
    request = image(seed=1)
    assert replace(request, seed=2).image is request.image


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (text(), None),
        (text(width=64), None),
        (text(width=64, height=32), (32, 64)),
        (text(controls=[Control("depth", PICTURE)]), (16, 24)),
        (image(), (16, 24)),
        (depth(), (16, 24)),
        (inpaint(expand=(8, 0, 16, 8)), (24, 48)),
        (Upscale(prompt="", image=PICTURE[:5, :3], scale=8), (40, 24)),
        (Adjust(image=PICTURE[:5]), (5, 24)),
        (animation(), (16, 24)),
        (animation(overscan=4), (8, 16)),
        (animation(passes="render/####.exr"), None),
    ],
)
def test_the_size_is_known_where_a_picture_fixes_it(request_: Request, size: tuple[int, int] | None) -> None:
    assert request_.size == size


def test_every_array_is_listed_once_under_its_digest() -> None:
    request = image(controls=[Control("tile", PICTURE)], image_prompt=ImagePrompt(PICTURE))
    assert [(array == PICTURE).all() for array in request.arrays().values()] == [True]
    assert all(len(digest) == 64 for digest in request.arrays())


def test_a_depth_control_may_be_grey_and_an_opaque_alpha_is_left_out() -> None:
    grey = np.full((8, 8), 0.5, np.float32)
    assert Control("depth", grey).image.shape == (8, 8, 3)
    opaque = np.full((8, 8, 4), 255, np.uint8)
    assert Control("depth", opaque).image.shape == (8, 8, 3)


def test_masks_of_every_kind_mean_the_same() -> None:
    painted = np.indices((16, 24)).sum(0) % 2 == 0
    kinds = [painted, painted.astype(np.uint8) * 255, painted.astype(np.float32), painted.astype(np.float64)]
    assert len({inpaint(mask=mask) for mask in kinds}) == 1
    assert inpaint(mask=painted).mask.dtype == np.float32


def test_a_request_shows_what_was_given_and_no_pixels() -> None:
    shown = repr(image(seed=3))
    assert shown.startswith("ImageToImage(prompt='a wall', seed=3, image=<16x24x3 uint8 ")
    assert "strength" not in shown


def test_every_public_name_exists_and_has_a_docstring() -> None:
    for name in sorted({*sd_core.__all__} - {"Engine"}):  # whose torch takes its time
        found = getattr(sd_core, name)
        assert name.startswith("__") or found.__doc__, name


def test_the_method_replace_gives_what_the_function_gives_and_checks_as_much() -> None:
    request = sd_core.TextToImage(prompt="brick", seed=1)
    assert request.replace(seed=2) == sd_core.replace(request, seed=2) == sd_core.TextToImage(prompt="brick", seed=2)
    with pytest.raises(sd_core.RequestError, match="is no field of TextToImage"):
        request.replace(colour="red")
    with pytest.raises(sd_core.RequestError, match="seed"):
        request.replace(seed=-1)
