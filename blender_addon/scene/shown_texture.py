# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture that objects show, found through their materials' nodes, and its replacement by another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import bpy

from sd_core.errors import RequestError

from .images import image_size
from .material import node_label

_CONNECT = "connect an Image Texture to the Base Color of its Principled BSDF"

_NO_TRANSPARENCY = frozenset({"CHANNEL_PACKED", "NONE"})
"""Modes in which alpha means something else, or nothing."""


@dataclass(frozen=True, slots=True)
class ShownTexture:
    """One texture on some objects.

    image: its name. side: px. nodes: (material, node) by name. uv_maps: of each object, by its name.
    """

    image: str
    side: int
    nodes: tuple[tuple[str, str], ...]
    uv_maps: Mapping[str, str]


def find_shown_texture(objects: Sequence[bpy.types.Object]) -> ShownTexture:
    """The base colour of objects that show the same square image.

    Raises:
        RequestError: they show none, several, or one that cannot be repainted; names it.
    """
    nodes: dict[tuple[str, str], bpy.types.Node] = {}
    uv_maps: dict[str, str] = {}
    for item in objects:
        own = dict(_texture_nodes(item))
        nodes |= own
        uv_maps[item.name] = _uv_map(item, list(own.values()))
    images = sorted({node.image.name for node in nodes.values()})
    if len(images) != 1:
        what = "no object is selected" if not images else f"the objects show several: {', '.join(images)}"
        raise RequestError("texture", what, hint="select the objects that show one of them")
    image = bpy.data.images[images[0]]
    return ShownTexture(image.name, _side(image), tuple(nodes), uv_maps)


def replace_texture(shown: ShownTexture, images: Mapping[str, bpy.types.Image]) -> None:
    """Let the materials show other images; what was deleted meanwhile is left out.

    Args:
        images: by names of `Texture.maps`; "base_color" goes where the texture was, the others to nodes with their labels.
    """
    labels = {node_label(kind): image for kind, image in images.items() if kind != "base_color"}
    for node_name, tree in _trees(shown):
        for node in tree.nodes:
            if node.type != "TEX_IMAGE":
                continue
            if node.name == node_name:
                if node.image is not None and node.image.alpha_mode in _NO_TRANSPARENCY:
                    images["base_color"].alpha_mode = node.image.alpha_mode
                node.image = images["base_color"]
            elif node.label in labels:
                node.image = labels[node.label]


def shown_map_labels(shown: ShownTexture) -> frozenset[str]:
    """Labels of the images that the materials show; see `node_label`."""
    nodes = [node for _, tree in _trees(shown) for node in tree.nodes]
    return frozenset(node.label for node in nodes if node.type == "TEX_IMAGE" and node.image)


def _trees(shown: ShownTexture) -> Iterator[tuple[str, bpy.types.NodeTree]]:
    """Name of the node and its tree, of the materials that are still there."""
    for material_name, node_name in shown.nodes:
        material = bpy.data.materials.get(material_name)
        if material is not None and material.node_tree is not None:
            yield node_name, material.node_tree


def _texture_nodes(item: bpy.types.Object) -> Iterator[tuple[tuple[str, str], bpy.types.Node]]:
    materials = {slot.material.name: slot.material for slot in item.material_slots if slot.material is not None}
    if not materials:
        raise RequestError("texture", f"{item.name!r} has no material", hint="project a texture onto all of it first")
    for name, material in materials.items():
        if material.library is not None:
            raise RequestError("texture", f"the material {name!r} is linked", hint="make it local (Object > Relations)")
        node = _base_colour_node(material)
        if node is None:
            raise RequestError("texture", f"the material {name!r} shows no image", hint=_CONNECT)
        yield (name, node.name), node


def _base_colour_node(material: bpy.types.Material) -> bpy.types.Node | None:
    """The image node that is nearest before the base colour."""
    tree = material.node_tree
    shaders = [] if tree is None else [node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"]
    waiting = [shader.inputs["Base Color"] for shader in shaders]
    seen: set[str] = set()
    while waiting:
        for link in waiting.pop(0).links:
            node = link.from_node
            if node.type == "TEX_IMAGE" and node.image is not None:
                return node
            if node.name not in seen:
                seen.add(node.name)
                waiting += node.inputs
    return None


def _uv_map(item: bpy.types.Object, nodes: Sequence[bpy.types.Node]) -> str:
    """Where the nodes find the image: a UV map by name, else the one that is rendered."""
    found = {_uv_map_of_node(node) or _render_uv_map(item) for node in nodes}
    if len(found) > 1:
        raise RequestError("uvs", f"{item.name!r} shows its texture through several UV maps", hint="use one of them")
    (name,) = found
    if item.type == "MESH" and name not in item.data.uv_layers:
        raise RequestError(
            "uvs", f"{item.name!r} has no UV map {name!r}", hint="choose one in its material's UV Map node"
        )
    return name


def _uv_map_of_node(node: bpy.types.Node) -> str:
    links = node.inputs["Vector"].links
    if not links:
        return ""
    source, socket = links[0].from_node, links[0].from_socket
    if source.type == "UVMAP":
        return source.uv_map
    if source.type == "TEX_COORD" and socket.name == "UV":
        return ""
    raise RequestError(
        "uvs",
        f"the image {node.image.name!r} gets its coordinates from {source.name!r}",
        hint="connect a UV Map node to its Vector input",
    )


def _render_uv_map(item: bpy.types.Object) -> str:
    layers = getattr(item.data, "uv_layers", ())
    return next((layer.name for layer in layers if layer.active_render), "")


def _side(image: bpy.types.Image) -> int:
    height, width = image_size(image)
    if image.source == "TILED":
        raise RequestError(
            "texture", f"{image.name!r} has UDIM tiles", hint="project a texture of one tile to repaint it"
        )
    if height != width or width == 0:
        what = f"{image.name!r} is {width} x {height} px, and only square ones can be repainted"
        raise RequestError("texture", what, hint="resize it (Image > Resize), or load its file")
    return width
