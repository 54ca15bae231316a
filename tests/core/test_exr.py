"""EXR files of other writers: plain, multi-part, cropped short, with mattes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from sd_core import Animation, DepthToImage, RequestError
from sd_core.passes import read_exr
from sd_core.values.srgb import encode_srgb

HEIGHT, WIDTH = 16, 24
RANDOM = np.random.default_rng(0)
DEPTH = RANDOM.uniform(1, 9, (HEIGHT, WIDTH)).astype(np.float32)
VECTOR = RANDOM.normal(size=(HEIGHT, WIDTH, 4)).astype(np.float32)
COLOUR = RANDOM.uniform(0, 1, (HEIGHT, WIDTH, 4)).astype(np.float32)
ZIP = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}


def channels(prefix: str, names: str, array: np.ndarray) -> dict[str, np.ndarray]:
    planes = array.reshape(HEIGHT, WIDTH, -1)
    return {f"{prefix}{name}": np.ascontiguousarray(planes[..., index]) for index, name in enumerate(names)}


def same(found: np.ndarray | None, expected: np.ndarray) -> bool:
    """Whether a pass is there and holds just this."""
    return found is not None and np.array_equal(found, expected)


def write(path: Path, held: dict[str, np.ndarray], **header: Any) -> Path:
    OpenEXR.File(ZIP | header, held).write(str(path))
    return path


def blender(layer: str = "ViewLayer", index: str = "IndexOB") -> dict[str, np.ndarray]:
    """The channels of a multilayer file as Blender before 5.0 names them."""
    return (
        channels(f"{layer}.Depth.", "Z", DEPTH)
        | channels(f"{layer}.Vector.", "XYZW", VECTOR)
        | channels(f"{layer}.Combined.", "RGBA", COLOUR)
        | channels(f"{layer}.Normal.", "XYZ", VECTOR[..., :3])
        | channels(f"{layer}.Position.", "XYZ", VECTOR[..., 1:])
        | channels(f"{layer}.UV.", "UVA", COLOUR[..., :3])
        | channels(f"{layer}.{index}.", "X", (DEPTH > 5).astype(np.float32))
    )


def test_every_pass_of_a_multilayer_file_arrives(tmp_path: Path) -> None:
    found = read_exr(write(tmp_path / "a.exr", blender()))
    assert same(found.depth, DEPTH) and same(found.motion, VECTOR)
    assert same(found.normal, VECTOR[..., :3]) and same(found.position, VECTOR[..., 1:])
    assert same(found.uv, COLOUR[..., :2]) and same(found.object_id, DEPTH > 5)
    assert found.position_space == "world" and found.camera is None and not found.cut


def test_the_names_of_blender_five_mean_the_same(tmp_path: Path) -> None:
    old = read_exr(write(tmp_path / "a.exr", blender()))
    assert read_exr(write(tmp_path / "b.exr", blender(index="Object Index"))) == old


def test_a_multi_part_file_of_another_writer_means_the_same(tmp_path: Path) -> None:
    parts = [
        OpenEXR.Part(dict(ZIP), channels("", "RGBA", COLOUR), "rgba"),
        OpenEXR.Part(dict(ZIP), channels("", "Z", DEPTH), "depth"),
        OpenEXR.Part(dict(ZIP), channels("", "XYZW", VECTOR), "vector"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "parts.exr"))
    found = read_exr(tmp_path / "parts.exr")
    assert same(found.depth, DEPTH) and same(found.motion, VECTOR) and found.image is not None


def test_a_bare_z_next_to_the_colours_is_the_depth(tmp_path: Path) -> None:
    found = read_exr(write(tmp_path / "a.exr", channels("", "RGB", COLOUR[..., :3]) | {"Z": DEPTH}))
    assert same(found.depth, DEPTH)
    assert found.image is not None and np.allclose(found.image, encode_srgb(COLOUR[..., :3]), atol=1e-6)


def test_half_floats_are_widened(tmp_path: Path) -> None:
    found = read_exr(write(tmp_path / "a.exr", {"Z": DEPTH.astype(np.float16)}))
    assert found.depth is not None and np.allclose(found.depth, DEPTH, rtol=1e-3)


def test_blenders_far_away_is_background(tmp_path: Path) -> None:
    depth = DEPTH.copy()
    depth[:4], depth[4:8] = 1e10, np.inf
    found = read_exr(write(tmp_path / "a.exr", {"Z": depth}))
    assert np.isinf(found.depth[:8]).all() and same(found.depth[8:], DEPTH[8:])  # type: ignore[index]


def test_alpha_comes_straight_and_only_where_something_is_clear(tmp_path: Path) -> None:
    premultiplied = COLOUR.copy()
    premultiplied[..., :3] *= COLOUR[..., 3:]
    found = read_exr(write(tmp_path / "a.exr", channels("", "RGBA", premultiplied))).image
    assert found is not None and same(found[..., 3], COLOUR[..., 3])
    assert np.allclose(found[..., :3], encode_srgb(COLOUR[..., :3]), atol=1e-4)
    opaque = np.concatenate([COLOUR[..., :3], np.ones((HEIGHT, WIDTH, 1), np.float32)], axis=2)
    assert read_exr(write(tmp_path / "b.exr", channels("", "RGBA", opaque))).image.shape[2] == 3  # type: ignore[union-attr]


def test_the_fullest_view_layer_is_read_unless_one_is_named(tmp_path: Path) -> None:
    composite = channels("Composite.Combined.", "RGBA", COLOUR)
    path = write(tmp_path / "a.exr", composite | blender() | channels("Other.Depth.", "Z", DEPTH + 1))
    assert same(read_exr(path).depth, DEPTH)
    assert same(read_exr(path, view_layer="Other").depth, DEPTH + 1)
    with pytest.raises(RequestError, match=r"view_layer: .*use one of 'Composite', 'Other', 'ViewLayer'"):
        read_exr(path, view_layer="Third")


def test_passes_of_other_renderers_are_found_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", channels("zdepth.", "R", DEPTH) | channels("velocity.", "RGBA", VECTOR))
    found = read_exr(path, names={"depth": "zDepth", "motion": "velocity"})
    assert same(found.depth, DEPTH) and same(found.motion, VECTOR)
    with pytest.raises(RequestError, match="depth: there is no pass 'Z'; the file has 'velocity', 'zdepth'"):
        read_exr(path, names={"depth": "Z"})
    with pytest.raises(RequestError, match="speed: is no kind of pass"):
        read_exr(path, names={"speed": "velocity"})


def test_rest_positions_are_preferred_unless_nothing_was_written_to_them(tmp_path: Path) -> None:
    rest = channels("ViewLayer.rest_position.", "RGB", VECTOR[..., :3])
    found = read_exr(write(tmp_path / "a.exr", blender() | rest))
    assert found.position_space == "rest" and same(found.position, VECTOR[..., :3])
    empty = {name: np.zeros_like(plane) for name, plane in rest.items()}
    assert read_exr(write(tmp_path / "b.exr", blender() | empty)).position_space == "world"


def test_a_constant_index_pass_says_nothing(tmp_path: Path) -> None:
    held = blender() | {"ViewLayer.IndexOB.X": np.zeros((HEIGHT, WIDTH), np.float32)}
    assert read_exr(write(tmp_path / "a.exr", held)).object_id is None


def test_cryptomatte_gives_the_object_that_covers_most(tmp_path: Path) -> None:
    first, second = 0xCB432898, 0x6A2FB16E
    ids = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    ids[:4] = [np.uint32(first).view(np.float32), 0.7, np.uint32(second).view(np.float32), 0.3]
    ids[4:8] = [np.uint32(second).view(np.float32), 1.0, 0, 0]
    ids[8:12] = [np.uint32(first).view(np.float32), 0.2, 0, 0]  # the rest of the pixel is empty
    held = blender() | channels("ViewLayer.CryptoObject00.", "rgba", ids)
    found = read_exr(write(tmp_path / "a.exr", held, **{"cryptomatte/542cafa/name": "ViewLayer.CryptoObject"}))
    assert found.object_id is not None
    assert [int(found.object_id[row, 0]) for row in (0, 4, 8, 12)] == [first, second, 0, 0]


def test_a_depth_that_breaks_the_rules_names_file_and_pass(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.exr", {"Z": DEPTH - 5})
    with pytest.raises(RequestError, match=r"bad\.exr: depth: must be greater than 0"):
        read_exr(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("parts", [1, 3])
def test_a_truncated_file_is_refused_and_never_read_in_part(tmp_path: Path, share: float, parts: int) -> None:
    held = [OpenEXR.Part(dict(ZIP), channels("", "XYZW", VECTOR), f"part{index}") for index in range(parts)]
    OpenEXR.File(held).write(str(tmp_path / "whole.exr"))
    raw = (tmp_path / "whole.exr").read_bytes()
    (tmp_path / "broken.exr").write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(RequestError, match=r"broken\.exr: is no readable EXR file"):
        read_exr(tmp_path / "broken.exr")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"a\.exr: there is no such file"):
        read_exr(tmp_path / "a.exr")


def test_a_request_takes_the_depth_of_an_exr_by_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", blender())
    assert DepthToImage(prompt="a", depth=path) == DepthToImage(prompt="a", depth=DEPTH)
    assert Animation(prompt="a", passes=[path]).passes == (str(path),)
    colour = write(tmp_path / "b.exr", channels("", "RGB", COLOUR[..., :3]))
    with pytest.raises(RequestError, match=r"^depth: .*holds no depth; enable the Depth"):
        DepthToImage(prompt="a", depth=colour)
