"""Pictures between arrays, PNG bytes and image datablocks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.blender

RANDOM = np.random.default_rng(3)
PICTURES = {
    "grey": RANDOM.integers(0, 256, (24, 40), dtype=np.uint8),
    "rgb": RANDOM.integers(0, 256, (24, 40, 3), dtype=np.uint8),
    "rgba": RANDOM.integers(0, 256, (24, 40, 4), dtype=np.uint8),
    "grey16": RANDOM.integers(0, 65536, (24, 40), dtype=np.uint16),
    "one pixel": np.full((1, 1, 3), 9, np.uint8),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
def test_pillow_reads_the_pngs_as_they_were(picture: np.ndarray) -> None:
    from blender_addon.scene.png import encode_png

    read = Image.open(io.BytesIO(encode_png(picture, {"sd_core": "{}", "parameters": "Prompt é 木"})))
    assert np.array_equal(np.asarray(read).astype(picture.dtype), picture)
    assert read.text == {"sd_core": "{}", "parameters": "Prompt é 木"}


def test_floats_are_rounded_to_eight_bit() -> None:
    from blender_addon.scene.png import encode_png

    read = np.asarray(Image.open(io.BytesIO(encode_png(np.array([[-1, 0.2, 0.5, 2]], np.float32)))))
    assert read.tolist() == [[0, 51, 128, 255]]


@pytest.mark.parametrize("name", ["rgb", "rgba"])
def test_what_goes_into_a_datablock_comes_out_of_it(name: str) -> None:
    from blender_addon.scene.images import encode_image, new_image, read_pixels

    picture = PICTURES[name]
    image = new_image("there and back", encode_image(picture))
    assert tuple(image.size) == (40, 24)
    assert np.array_equal(read_pixels(image).to_uint8(), picture)


def test_a_height_map_keeps_sixteen_bit() -> None:
    from blender_addon.scene.images import DATA, encode_image, new_image, read_pixels

    image = new_image("height", encode_image(PICTURES["grey16"]), DATA)
    assert image.colorspace_settings.name == DATA
    assert np.abs(read_pixels(image).rgba()[..., 0] * 65535 - PICTURES["grey16"]).max() < 0.01


def test_float_images_are_linear_in_blender_and_encoded_for_a_request() -> None:
    import bpy

    from blender_addon.scene.images import read_pixels
    from sd_core.values.srgb import encode_srgb

    image = bpy.data.images.new("float", 2, 1, alpha=True, float_buffer=True)
    # Blender multiplies the colour of float images by their alpha.
    image.pixels = [0.18, 0.18, 0.18, 1.0, 0.09, 0.09, 0.09, 0.5]
    read = read_pixels(image).rgba()
    expected = float(encode_srgb(np.float32(0.18)))
    assert np.abs(read[..., :3] - expected).max() < 1e-3
    assert np.allclose(read[0, :, 3], [1, 0.5])


def test_pictures_are_saved_within_the_file(tmp_path: Path) -> None:
    import bpy

    from blender_addon.scene.images import encode_image, new_image, read_pixels

    image = new_image("kept", encode_image(PICTURES["rgba"]))
    image.use_fake_user = True
    path = str(tmp_path / "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert np.array_equal(read_pixels(bpy.data.images["kept"]).to_uint8(), PICTURES["rgba"])


def test_an_image_without_pixels_is_refused() -> None:
    import bpy

    from blender_addon.scene.images import read_pixels
    from sd_core.errors import RequestError

    bpy.ops.wm.read_factory_settings()
    missing: Any = bpy.data.images.new("missing", 4, 4)
    missing.source, missing.filepath = "FILE", "//nowhere.png"
    with pytest.raises(RequestError, match="has no pixels"):
        read_pixels(missing)
