# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that lay a tiling texture over an object from three sides, broken up so that its repeat is not seen."""

from __future__ import annotations

import bpy

from .paint import Paint

_BLEND = 0.2
"""Share of the box projection's blend between the sides, as Blender's manual has it."""

_COPIES = (
    ((1, 1, 1), (0.0, 0.0, 0.0)),
    ((-1, 1, 1), (0.37, 0.61, 0.23)),
    ((1, -1, 1), (0.71, 0.29, 0.53)),
    ((-1, -1, 1), (0.13, 0.83, 0.79)),
)
"""Mirrored and moved copies of the texture as (scale, offset in repeats): a turned one would be stretched on the sides."""

_PATCH = 1.7
"""Patches of a copy over a repeat: at half as many, two places a repeat apart show the same copy in 6 cases of 10."""

_BEND, _BENDS = 0.15, 0.6
"""Repeats by which the texture is moved at most to each side, and how often over a repeat: stones of a sixteenth of it come to
lie on others a repeat apart, and are stretched by a tenth or so."""

_EDGE = (0.47, 0.53)
"""Between these values of the noise one copy goes over into the other."""


def tile_nodes(
    tree: bpy.types.NodeTree, paint: Paint, images: dict[str, bpy.types.Image]
) -> dict[str, bpy.types.NodeSocket]:
    """Colours by map."""
    place = _place(tree, paint)
    copies = _COPIES[:1] if paint.regular else _COPIES
    place = place if paint.regular else _bent(tree, place)
    places = [_moved(tree, place, scale, offset) for scale, offset in copies]
    masks = [_mask(tree, place, index) for index in range(1, len(copies))]
    found = {}
    for kind, image in images.items():
        mean = paint.mean if kind == "base_color" else None
        sockets = [_image(tree, image, held) for held in places]
        found[kind] = sockets[0] if paint.regular else _blend_four(tree, sockets, masks, mean)
    return found


def _place(tree: bpy.types.NodeTree, paint: Paint) -> bpy.types.NodeSocket:
    """Coordinates of the object in repeats: its own space does not know its scale."""
    own = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    return _vector(tree, "MULTIPLY", own, tuple(abs(side) / paint.repeat for side in paint.scale))


def _bent(tree: bpy.types.NodeTree, place: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = _BENDS, 0.0
    tree.links.new(place, noise.inputs["Vector"])
    middle = _vector(tree, "SUBTRACT", noise.outputs["Color"], (0.5, 0.5, 0.5))
    bend = _vector(tree, "MULTIPLY", middle, (2 * _BEND,) * 3)
    added = tree.nodes.new("ShaderNodeVectorMath")
    tree.links.new(place, added.inputs[0])
    tree.links.new(bend, added.inputs[1])
    return added.outputs["Vector"]


def _moved(
    tree: bpy.types.NodeTree, place: bpy.types.NodeSocket, scale: tuple[int, ...], offset: tuple[float, ...]
) -> bpy.types.NodeSocket:
    return _vector(tree, "ADD", _vector(tree, "MULTIPLY", place, scale), offset)


def _mask(tree: bpy.types.NodeTree, place: bpy.types.NodeSocket, number: int) -> bpy.types.NodeSocket:
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = _PATCH, 3.0
    tree.links.new(_vector(tree, "ADD", place, (17.3 * number, 5.1 * number, 9.7 * number)), noise.inputs["Vector"])
    edge = tree.nodes.new("ShaderNodeMapRange")
    edge.interpolation_type = "SMOOTHSTEP"
    edge.inputs["From Min"].default_value, edge.inputs["From Max"].default_value = _EDGE
    tree.links.new(noise.outputs[0], edge.inputs["Value"])
    return edge.outputs["Result"]


def _image(tree: bpy.types.NodeTree, image: bpy.types.Image, place: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image, node.projection, node.projection_blend = image, "BOX", _BLEND
    tree.links.new(place, node.inputs["Vector"])
    return node.outputs["Color"]


def _blend_four(
    tree: bpy.types.NodeTree,
    sockets: list[bpy.types.NodeSocket],
    masks: list[bpy.types.NodeSocket],
    mean: tuple[float, ...] | None,
) -> bpy.types.NodeSocket:
    """In pairs, so that each has the same share of the surface."""
    first, second = (_blend(tree, *sockets[at : at + 2], masks[at // 2], mean) for at in (0, 2))
    return _blend(tree, first, second, masks[2], mean)


def _blend(
    tree: bpy.types.NodeTree,
    one: bpy.types.NodeSocket,
    other: bpy.types.NodeSocket,
    mask: bpy.types.NodeSocket,
    mean: tuple[float, ...] | None,
) -> bpy.types.NodeSocket:
    """A mixture that keeps the contrast around a mean colour: that of two textures has less of it than either."""
    mixed = _mix(tree, mask, one, other)
    if mean is None:
        return mixed
    # Independent deviations add up to m^2 + (1 - m)^2 = 1 - 2m(1 - m) of their variance (Heitz and Neyret 2018).
    rest = _math(tree, "SUBTRACT", 1.0, mask)
    lost = _math(tree, "MULTIPLY", _math(tree, "MULTIPLY", mask, rest), 2.0)
    gain = _math(tree, "INVERSE_SQRT", _math(tree, "SUBTRACT", 1.0, lost), 0.0)
    deviation = _vector(tree, "SUBTRACT", mixed, mean)
    scaled = _vector(tree, "SCALE", deviation, (0.0, 0.0, 0.0))
    tree.links.new(gain, scaled.node.inputs["Scale"])
    kept = _vector(tree, "ADD", scaled, mean)
    return _vector(tree, "MAXIMUM", kept, (0.0, 0.0, 0.0))


def _mix(
    tree: bpy.types.NodeTree, share: bpy.types.NodeSocket, zero: bpy.types.NodeSocket, one: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type = "RGBA"
    factor, first, second = (
        next(s for s in node.inputs if s.enabled and s.name == name) for name in ("Factor", "A", "B")
    )
    for socket, link in ((factor, share), (first, zero), (second, one)):
        tree.links.new(link, socket)
    return next(socket for socket in node.outputs if socket.enabled)


def _vector(
    tree: bpy.types.NodeTree, operation: str, first: bpy.types.NodeSocket, second: tuple[float, ...]
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeVectorMath")
    node.operation = operation
    node.inputs[1].default_value = second
    tree.links.new(first, node.inputs[0])
    return node.outputs["Vector"]


def _math(
    tree: bpy.types.NodeTree, operation: str, first: bpy.types.NodeSocket | float, second: bpy.types.NodeSocket | float
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    for socket, given in zip(node.inputs, (first, second), strict=False):
        if isinstance(given, bpy.types.NodeSocket):
            tree.links.new(given, socket)
        else:
            socket.default_value = given
    return node.outputs["Value"]
