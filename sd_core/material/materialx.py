"""A material as a MaterialX document, which Blender, Houdini, Maya and Omniverse read."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from .names import MaterialMap

_INPUTS = {
    MaterialMap.BASE_COLOR: ("base_color", "color3"),
    MaterialMap.ROUGHNESS: ("specular_roughness", "float"),
    MaterialMap.METALLIC: ("metalness", "float"),
}


def materialx(name: str, files: Mapping[MaterialMap, str], height_scale: float) -> bytes:
    """A `standard_surface` with its pictures.

    Args:
        name: of the material; letters, digits and "_".
        files: paths of the pictures, relative to the document.
        height_scale: depth that a height of 0 to 1 spans, as a share of the texture's width, 0.5 being the surface.

    Only the base colour is sRGB-encoded; all else is data. MaterialX 1.38 specification.
    """
    root = ET.Element("materialx", version="1.38")
    shader = ET.Element("standard_surface", name=f"{name}_surface", type="surfaceshader")
    for part, (field, kind) in _INPUTS.items():
        if part in files:
            _image(root, part, kind, files[part])
            _input(shader, field, kind, nodename=part.value)
    if MaterialMap.NORMAL_OPENGL in files:
        _image(root, MaterialMap.NORMAL_OPENGL, "vector3", files[MaterialMap.NORMAL_OPENGL])
        normal = ET.SubElement(root, "normalmap", name="normal", type="vector3")
        _input(normal, "in", "vector3", nodename=MaterialMap.NORMAL_OPENGL.value)
        _input(shader, "normal", "vector3", nodename="normal")
    root.append(shader)
    displaced = MaterialMap.HEIGHT in files
    if displaced:
        _displacement(root, name, files[MaterialMap.HEIGHT], height_scale)
    material = ET.SubElement(root, "surfacematerial", name=name, type="material")
    _input(material, "surfaceshader", "surfaceshader", nodename=f"{name}_surface")
    if displaced:
        _input(material, "displacementshader", "displacementshader", nodename=f"{name}_displacement")
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _displacement(root: ET.Element, name: str, file: str, scale: float) -> None:
    _image(root, MaterialMap.HEIGHT, "float", file)
    centred = ET.SubElement(root, "subtract", name="height_centred", type="float")
    _input(centred, "in1", "float", nodename=MaterialMap.HEIGHT.value)
    _input(centred, "in2", "float", value="0.5")
    node = ET.SubElement(root, "displacement", name=f"{name}_displacement", type="displacementshader")
    _input(node, "displacement", "float", nodename="height_centred")
    _input(node, "scale", "float", value=f"{scale:.6g}")


def _image(root: ET.Element, part: MaterialMap, kind: str, file: str) -> None:
    node = ET.SubElement(root, "tiledimage", name=part.value, type=kind)
    field = _input(node, "file", "filename", value=file)
    if part is MaterialMap.BASE_COLOR:
        field.set("colorspace", "srgb_texture")


def _input(node: ET.Element, name: str, kind: str, **attributes: str) -> ET.Element:
    return ET.SubElement(node, "input", name=name, type=kind, **attributes)  # pyright: ignore[reportArgumentType]
