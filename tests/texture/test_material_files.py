"""A saved material is read by the programs that it is meant for."""

import json
from pathlib import Path
from typing import Any

import cv2
import MaterialX
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from sd_core import load_request
from sd_core.errors import OutputError
from sd_core.material import Naming, save_material
from sd_core.material.deep import encode_png16
from sd_core.material.gltf import GltfMaterial, glb, plane
from sd_core.requests import NormalConvention, Texture, TextureMap
from sd_core.results import Result
from sd_core.texture import make_material
from sd_core.training.data.materials import Material
from tests.texture.samples import bump, tiling


def made(convention: NormalConvention = NormalConvention.OPENGL, **fields: Any) -> Result:
    """A texture's result as the engine would give it."""
    request = Texture(
        prompt="Mossy cobblestone!", seed=4, width=128, height=128, normal_convention=convention, **fields
    )
    material = make_material(tiling(Material.COBBLESTONE, 1), request.prompt, normal_convention=convention)
    base = np.rint(material.maps[TextureMap.BASE_COLOR] * 255).astype(np.uint8)
    maps = {str(name): material.maps[name] for name in request.maps}
    return Result(images=[base], request=request, maps=maps, report={"height_scale": material.height_scale})


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_folder_gets_the_whole_set_under_the_names_of_poly_haven(tmp_path: Path) -> None:
    paths = made().save(tmp_path / "out")
    pictures = {
        f"mossy_cobblestone_{kind}_128.png"
        for kind in ["diff", "nor_gl", "nor_dx", "disp", "rough", "ao", "metal", "arm"]
    }
    others = {"mossy_cobblestone.mtlx", "mossy_cobblestone.gltf", "mossy_cobblestone_preview.png"}
    assert {path.name for path in paths} == pictures | others == {path.name for path in (tmp_path / "out").iterdir()}
    assert paths[0].name == "mossy_cobblestone_diff_128.png"
    assert load_request(paths[0]) == made().request


def test_names_of_ambientcg(tmp_path: Path) -> None:
    names = {path.name for path in save_material(made(), tmp_path, Naming.AMBIENTCG)}
    assert {"MossyCobblestone_128-PNG_Color.png", "MossyCobblestone_128-PNG_NormalDX.png"} < names


def test_pictures_hold_the_maps(tmp_path: Path) -> None:
    result = made()
    result.save(tmp_path)
    height = read(tmp_path / "mossy_cobblestone_disp_128.png")
    assert height.dtype == np.uint16 and np.abs(height / 65535 - result.maps["height"]).max() <= 0.5 / 65535 + 1e-7
    packed = read(tmp_path / "mossy_cobblestone_arm_128.png")
    for channel, kind in enumerate(("ao", "rough", "metal")):
        single = read(tmp_path / f"mossy_cobblestone_{kind}_128.png")
        assert single.dtype == np.uint16 and np.abs(packed[..., channel] / 255 - single / 65535).max() <= 0.51 / 255


def test_data_has_16_bit_and_is_read_by_others(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).random((24, 40, 3), np.float32)
    (tmp_path / "rgb.png").write_bytes(encode_png16(picture))
    (tmp_path / "grey.png").write_bytes(encode_png16(picture[..., 0]))
    deep = cv2.imread(str(tmp_path / "rgb.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert deep.dtype == np.uint16 and np.abs(deep / 65535 - picture).max() <= 0.51 / 65535
    assert np.array_equal(read(tmp_path / "grey.png"), deep[..., 0])


@pytest.mark.parametrize("naming", Naming)
def test_where_exr_is_asked_for_it_is_written_too_and_materialx_reads_it(naming: Naming, tmp_path: Path) -> None:
    result = made(map_format="exr")
    paths = save_material(result, tmp_path, naming)
    (height,) = (path for path in paths if path.suffix == ".exr" and ("disp" in path.name or "Displ" in path.name))
    with OpenEXR.File(str(height), separate_channels=True) as file:
        plane = file.channels()["Y"].pixels
    assert plane.dtype == np.float16 and np.abs(plane - result.maps["height"]).max() < 1e-3
    document = next(path for path in paths if path.suffix == ".mtlx").read_text()
    assert height.name in document
    described = json.loads(next(path for path in paths if path.suffix == ".gltf").read_text())
    assert all((tmp_path / image["uri"]).suffix == ".png" for image in described["images"])
    assert all((tmp_path / image["uri"]).is_file() for image in described["images"])


def test_the_height_of_a_material_has_a_scale_in_world_units(tmp_path: Path) -> None:
    result = made()
    result.save(tmp_path)
    extras = json.loads((tmp_path / "mossy_cobblestone.gltf").read_text())["materials"][0]["extras"]
    assert extras["heightScale"] == result.report["height_scale"]  # the plane in the file is one unit wide
    assert (tmp_path / extras["heightTexture"]).is_file()


@pytest.mark.parametrize("convention", NormalConvention)
def test_both_conventions_are_written_and_mean_the_same_surface(convention: NormalConvention, tmp_path: Path) -> None:
    made(convention).save(tmp_path)
    opengl, directx = (read(tmp_path / f"mossy_cobblestone_nor_{kind}_128.png").astype(int) for kind in ("gl", "dx"))
    assert np.abs(opengl[..., 1] + directx[..., 1] - 255).max() <= 1 and np.array_equal(opengl[..., 0], directx[..., 0])
    expected = np.rint(made().maps["normal"] * 255)
    assert np.abs(opengl - expected).max() <= 1


def test_maps_that_were_not_asked_for_are_not_written(tmp_path: Path) -> None:
    paths = made(maps=("base_color", "height")).save(tmp_path / "out")
    assert {path.name.split("_")[2] for path in paths if path.suffix == ".png"} == {"diff", "disp", "preview.png"}


def test_the_inputs_of_a_texture_from_a_picture_lie_next_to_it(tmp_path: Path) -> None:
    result = made(image=np.zeros((128, 128, 3), np.uint8), strength=0.5)
    assert load_request(result.save(tmp_path)[0]) == result.request


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        made().save(tmp_path / "missing" / "out")


def test_materialx_is_valid_and_marks_colour_alone_as_srgb(tmp_path: Path) -> None:
    made().save(tmp_path)
    document = MaterialX.createDocument()
    MaterialX.readFromXmlFile(document, str(tmp_path / "mossy_cobblestone.mtlx"))
    libraries = MaterialX.createDocument()
    MaterialX.loadLibraries(MaterialX.getDefaultDataLibraryFolders(), MaterialX.getDefaultDataSearchPath(), libraries)
    document.importLibrary(libraries)
    valid, message = document.validate()
    assert valid, message
    spaces = {n.getName(): n.getInput("file").getColorSpace() for n in document.getNodes("tiledimage")}
    assert spaces.pop("base_color") == "srgb_texture" and set(spaces.values()) == {""}
    for node in document.getNodes("tiledimage"):
        assert (tmp_path / node.getInputValue("file")).is_file()
    assert [m.getName() for m in document.getMaterialNodes()] == ["mossy_cobblestone"]


def test_gltf_reads_occlusion_from_red_roughness_from_green_and_metal_from_blue(tmp_path: Path) -> None:
    import trimesh

    made().save(tmp_path)
    scene = trimesh.load_scene(tmp_path / "mossy_cobblestone.gltf")
    (geometry,) = scene.geometry.values()
    material = geometry.visual.material
    packed = read(tmp_path / "mossy_cobblestone_arm_128.png")
    assert np.array_equal(np.asarray(material.metallicRoughnessTexture), packed)
    assert np.array_equal(np.asarray(material.occlusionTexture), packed)
    assert np.array_equal(np.asarray(material.baseColorTexture), made().images[0])
    assert np.array_equal(np.asarray(material.normalTexture), read(tmp_path / "mossy_cobblestone_nor_gl_128.png"))
    described = json.loads((tmp_path / "mossy_cobblestone.gltf").read_text())["materials"][0]
    surface = described["pbrMetallicRoughness"]
    assert surface["metallicRoughnessTexture"] == described["occlusionTexture"]


def test_a_binary_gltf_holds_its_pictures(tmp_path: Path) -> None:
    import trimesh

    from sd_core.encoding import encode_png

    picture = np.rint(bump() * 255).astype(np.uint8)[..., None].repeat(3, 2)
    path = tmp_path / "bump.glb"
    path.write_bytes(glb([plane()], [GltfMaterial(name="bump", base_color="b.png")], {"b.png": encode_png(picture)}))
    (geometry,) = trimesh.load_scene(path).geometry.values()
    assert np.array_equal(np.asarray(geometry.visual.material.baseColorTexture), picture)
    assert np.array_equal(np.unique(geometry.visual.uv, axis=0), [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert np.allclose(geometry.visual.uv, geometry.vertices[:, :2] + 0.5)


def test_the_preview_shows_nine_equal_tiles() -> None:
    from sd_core.material.pictures import stored_pictures
    from sd_core.material.preview import preview

    result = made()
    picture = preview(stored_pictures(result.images[0], result.maps, NormalConvention.OPENGL))
    tile = picture[:192, :192]
    for row in range(3):
        for column in range(3):
            assert np.array_equal(picture[192 * row : 192 * (row + 1), 192 * column : 192 * (column + 1)], tile)
