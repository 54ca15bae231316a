"""Hypothesis strategies for every kind of request."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sd_core import requests as r
from sd_core.passes import Camera, FramePasses, PositionSpace

SHAPE = (8, 16)
"""(height, width) of every picture here."""

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
names = st.sampled_from(
    ["a", "stabilityai/sd-turbo", "models/été.safetensors", "C:\\models\\it's", 'quote"d, colon: 1']
)


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


strengths = st.floats(0, 1, exclude_min=True, allow_subnormal=False)
ranges = st.tuples(numbers(0.01, 10), numbers(10, 1000))


def pictures(channels: int | None = None) -> st.SearchStrategy[np.ndarray]:
    counts = st.sampled_from([3, 4]) if channels is None else st.just(channels)
    return counts.flatmap(
        lambda count: st.one_of(
            hnp.arrays(np.uint8, (*SHAPE, count), elements=st.integers(0, 255)),
            hnp.arrays(np.float32, (*SHAPE, count), elements=st.floats(0, 1, width=32)),
        )
    )


masks = hnp.arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32))
planar = st.one_of(st.floats(0.0625, 1024, width=32), st.just(float("inf")))
planar_depths = hnp.arrays(np.float32, SHAPE, elements=planar)
depth_pictures = hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 255))


def vectors(count: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, (*SHAPE, count), elements=st.floats(-64, 64, width=32))


loras = st.builds(r.Lora, path=names, weight=numbers(-2, 2))
controls = st.builds(
    r.Control,
    kind=st.sampled_from(r.ControlKind),
    image=pictures(3),
    model=names,
    scale=numbers(0, 2),
    start=numbers(0, 0.4),
    end=numbers(0.5, 1),
)
image_prompts = st.builds(r.ImagePrompt, image=pictures(3), scale=numbers(0, 2), model=st.none() | names)
keyframes = st.lists(
    st.builds(
        r.Keyframe,
        frame=st.integers(0, 1000),
        prompt=st.none() | texts,
        strength=st.none() | strengths,
        guidance_scale=st.none() | numbers(0, 20),
        controlnet_conditioning_scale=st.none() | numbers(0, 2),
    ),
    max_size=3,
    unique_by=lambda keyframe: keyframe.frame,
)
pass_names = st.lists(
    st.builds(r.PassName, kind=st.sampled_from(r.PassKind), name=names), max_size=2, unique_by=lambda named: named.kind
)
reuses = st.builds(
    r.Reuse,
    noise=st.sampled_from(r.NoiseKind),
    **{name: st.booleans() for name in r.Reuse.__slots__ if name != "noise"},
)
cameras = st.builds(
    Camera,
    matrix_world=hnp.arrays(np.float64, (4, 4), elements=numbers(-9, 9)),
    intrinsics=hnp.arrays(np.float64, (3, 3), elements=numbers(-99, 99)),
)
frames = st.builds(
    FramePasses,
    depth=st.none() | planar_depths,
    motion=st.none() | vectors(4),
    image=st.none() | pictures(),
    object_id=st.none() | hnp.arrays(np.uint32, SHAPE),
    position=st.none() | vectors(3),
    position_space=st.sampled_from(PositionSpace),
    camera=st.none() | cameras,
    cut=st.booleans(),
)
meshes = st.builds(
    r.Mesh,
    vertices=hnp.arrays(np.float32, (4, 3), elements=st.floats(-9, 9, width=32)),
    faces=hnp.arrays(np.int32, (2, 3), elements=st.integers(0, 3)),
    uvs=st.none() | hnp.arrays(np.float32, (2, 3, 2), elements=st.floats(0, 1, width=32)),
    object_id=st.none() | hnp.arrays(np.uint32, (2,)),
)
named_meshes = st.builds(
    r.Mesh,
    vertices=hnp.arrays(np.float32, (4, 3), elements=st.floats(-9, 9, width=32)),
    faces=hnp.arrays(np.int32, (2, 3), elements=st.integers(0, 3)),
    object_id=st.just(np.array([0, 1], np.uint32)),
    object_names=st.just(("rock", "the lamp")),
)
paints = st.builds(
    r.ObjectPaint,
    name=st.just("rock"),
    prompt=st.none() | texts,
    texture_size=st.none() | st.integers(64, 4096),
    seed=st.none() | st.integers(0, 2**31 - 1),
    views=st.lists(cameras, max_size=2),
)
tiles = st.builds(
    r.ObjectPaint,
    name=st.just("the lamp"),
    prompt=st.none() | texts,
    surface=st.just("tile"),
    tile_size=st.none() | numbers(0.01, 100),
)

_common: dict[str, Any] = {
    "prompt": texts,
    "negative_prompt": texts,
    "num_inference_steps": st.none() | st.integers(1, 1000),
    "guidance_scale": st.none() | numbers(0, 100),
    "scheduler": st.none() | st.sampled_from(["ddim", "euler_ancestral", "dpmpp_2m_karras"]),
    "seed": st.none() | st.integers(0, 2**31 - 9),
    "model": st.none() | names,
    "loras": st.lists(loras, max_size=2),
    "controls": st.lists(controls, max_size=1),
    "image_prompt": st.none() | image_prompts,
    "seamless": st.sampled_from(r.Seamless),
    "seamless_method": st.sampled_from(r.SeamlessMethod),
}
_many = {**_common, "num_images": st.integers(1, 8)}
_depth_control = {"controlnet": st.none() | names, "controlnet_conditioning_scale": numbers(0, 2)}

requests: st.SearchStrategy[r.Request] = st.one_of(
    st.builds(
        r.TextToImage,
        **_many | {"controls": st.just(())},
        width=st.none() | st.integers(1, 64).map(lambda side: side * 8),
        height=st.none() | st.integers(1, 64).map(lambda side: side * 8),
    ),
    st.builds(r.ImageToImage, **_many, image=pictures(), strength=strengths),
    st.builds(r.DepthToImage, **_many, **_depth_control, depth=planar_depths, depth_range=st.none() | ranges),
    st.builds(r.DepthToImage, **_many, **_depth_control, depth=depth_pictures, image=pictures(), strength=strengths),
    st.builds(
        r.Inpaint,
        **_many | {"controls": st.just(())},
        image=pictures(),
        mask=masks,
        strength=strengths,
        fill=st.sampled_from(r.Fill),
        feather=numbers(0, 64),
        expand=st.tuples(*[st.sampled_from([0, 8, 32])] * 4),
    ),
    st.builds(
        r.Upscale,
        **_many | {"controls": st.just(())},
        image=pictures(),
        scale=st.sampled_from([1, 2, 4]),
        strength=strengths,
    ),
    st.builds(
        r.Adjust,
        image=pictures(),
        exposure=numbers(-10, 10),
        contrast=numbers(0, 10),
        saturation=numbers(0, 10),
        hue=numbers(-180, 180),
        temperature=numbers(-1, 1),
        match=st.none() | pictures(3),
    ),
    st.builds(
        r.Texture,
        **_common,
        maps=st.lists(st.sampled_from(r.TextureMap), unique=True),
        normal_convention=st.sampled_from(r.NormalConvention),
    ),
    st.builds(
        r.MeshTexture,
        **{name: made for name, made in _common.items() if name not in r.MeshTexture.unused},
        **_depth_control,
        mesh=names | meshes,
        views=st.none() | st.lists(cameras, min_size=1, max_size=2),
        max_views=st.integers(1, 64),
        texture_size=st.integers(64, 4096),
    ),
    st.builds(
        r.MeshTexture,
        mesh=named_meshes,
        prompt=texts,
        objects=st.tuples(paints)
        | st.tuples(paints, tiles)
        | st.tuples(st.just(r.ObjectPaint("rock", surface="keep"))),
    ),
    st.builds(
        r.MeshTexture,
        mesh=meshes,
        prompt=texts,
        image=st.just(np.full((64, 64, 3), 7, np.uint8)),
        mask=st.just(np.eye(64, dtype=np.float32)),
        texture_size=st.just(64),
    ),
    st.builds(
        r.Animation,
        **_common,
        **_depth_control,
        passes=st.just("render/####.exr") | st.lists(frames | names, min_size=1, max_size=3),
        pass_names=pass_names,
        depth_estimator=st.none() | names,
        depth_range=st.none() | ranges,
        strength=strengths,
        keyframes=keyframes,
        reuse=reuses,
    ),
)
