"""Triangles and materials as glTF 2.0: one JSON next to its pictures, or one binary with everything inside."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from ..values import Array

_FLOAT, _UNSIGNED = 5126, 5125
_VERTICES, _INDICES = 34962, 34963
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """Triangles of one material.

    positions, normals: (v, 3) float32, y up; uvs: (v, 2) float32, v up; triangles: (t, 3); material: index. Those of one
    `owner` that follow each other are one mesh with its name; None: it is a mesh of its own.
    """

    name: str
    positions: Array
    uvs: Array
    triangles: Array
    normals: Array | None = None
    material: int = 0
    owner: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GltfMaterial:
    """File names of the pictures; `orm` holds occlusion in red, roughness in green and metal in blue.

    Without a `base_color` it is plain.
    extras: what glTF has no place for, such as the height; programs keep it as custom properties.
    """

    name: str
    base_color: str | None
    normal: str | None = None
    orm: str | None = None
    occluded: bool = False
    extras: Mapping[str, Any] | None = None


def gltf(primitives: Sequence[Primitive], materials: Sequence[GltfMaterial]) -> bytes:
    """A `.gltf` file with its pictures in the same folder; the triangles are inside."""
    book = _BufferBuilder()
    document = _document(book, primitives, materials, {})
    raw = bytes(book.binary)
    document["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{base64.b64encode(raw).decode()}"
    return json.dumps(document, indent=1).encode()


def glb(primitives: Sequence[Primitive], materials: Sequence[GltfMaterial], pictures: Mapping[str, bytes]) -> bytes:
    """A `.glb` file with everything inside; `pictures` are PNG bytes by the names that `materials` use."""
    book = _BufferBuilder()
    document = _document(book, primitives, materials, pictures)
    text = json.dumps(document).encode()
    chunks = [(_JSON_CHUNK, text + b" " * (-len(text) % 4)), (_BINARY_CHUNK, bytes(book.binary))]
    body = b"".join(struct.pack("<II", len(content), kind) + content for kind, content in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def plane(material: int = 0) -> Primitive:
    """A unit square that faces +z."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    positions = np.pad(corners - np.float32(0.5), ((0, 0), (0, 1)))
    normals = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    return Primitive(
        name="plane", positions=positions, uvs=corners, triangles=triangles, normals=normals, material=material
    )


@dataclass(slots=True)
class _BufferBuilder:
    """The binary buffer as it grows, with the views into it and the accessors of its arrays."""

    binary: bytearray = field(default_factory=bytearray)
    views: list[dict[str, int]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def view(self, raw: bytes, target: int | None = None) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        where = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(raw)}
        self.views.append(where if target is None else {**where, "target": target})
        self.binary += raw + b"\0" * (-len(raw) % 4)
        return len(self.views) - 1

    def vectors(self, array: Array) -> int:
        plain = np.ascontiguousarray(array, "<f4")
        view = self.view(plain.tobytes(), _VERTICES)
        bounds = {"min": plain.min(0).tolist(), "max": plain.max(0).tolist()}
        kind = f"VEC{plain.shape[1]}"
        self.accessors.append(
            {"bufferView": view, "componentType": _FLOAT, "count": len(plain), "type": kind, **bounds}
        )
        return len(self.accessors) - 1

    def indices(self, triangles: Array) -> int:
        plain = np.ascontiguousarray(triangles, "<u4").reshape(-1)
        view = self.view(plain.tobytes(), _INDICES)
        self.accessors.append({"bufferView": view, "componentType": _UNSIGNED, "count": len(plain), "type": "SCALAR"})
        return len(self.accessors) - 1


def _document(
    book: _BufferBuilder,
    primitives: Sequence[Primitive],
    materials: Sequence[GltfMaterial],
    pictures: Mapping[str, bytes],
) -> dict[str, Any]:
    names = list(dict.fromkeys(n for m in materials for n in (m.base_color, m.normal, m.orm) if n is not None))
    meshes = [
        {"name": same[0].name, "primitives": [_primitive(book, p) for p in same]} for same in _by_owner(primitives)
    ]
    images = [_image(book, name, pictures) for name in names]
    return {
        "asset": {"version": "2.0", "generator": "sd_core"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"name": mesh["name"], "mesh": i} for i, mesh in enumerate(meshes)],
        "meshes": meshes,
        "materials": [_material(material, names) for material in materials],
        "textures": [{"source": i, "sampler": 0} for i in range(len(names))],
        "samplers": [{"wrapS": 10497, "wrapT": 10497, "magFilter": 9729, "minFilter": 9987}],
        "images": images,
        "accessors": book.accessors,
        "bufferViews": book.views,
        "buffers": [{"byteLength": len(book.binary)}],
    }


def _by_owner(primitives: Sequence[Primitive]) -> list[list[Primitive]]:
    """Those that are one mesh, together."""
    keys = (f"alone {index}" if p.owner is None else p.owner for index, p in enumerate(primitives))
    pairs = groupby(zip(keys, primitives, strict=True), key=lambda pair: pair[0])
    return [[p for _, p in pair] for _, pair in pairs]


def _primitive(book: _BufferBuilder, primitive: Primitive) -> dict[str, Any]:
    attributes = {"POSITION": book.vectors(primitive.positions)}
    if primitive.normals is not None:
        attributes["NORMAL"] = book.vectors(primitive.normals)
    # glTF counts v from the top.
    attributes["TEXCOORD_0"] = book.vectors(np.stack([primitive.uvs[:, 0], 1 - primitive.uvs[:, 1]], axis=-1))
    return {"attributes": attributes, "indices": book.indices(primitive.triangles), "material": primitive.material}


def _image(book: _BufferBuilder, name: str, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    if name in pictures:
        return {"name": name, "mimeType": "image/png", "bufferView": book.view(pictures[name])}
    return {"uri": name}


def _material(material: GltfMaterial, names: list[str]) -> dict[str, Any]:
    surface: dict[str, Any] = {}
    if material.base_color is not None:
        surface["baseColorTexture"] = {"index": names.index(material.base_color)}
    described: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": surface, "doubleSided": True}
    if material.orm is None:
        surface |= {"metallicFactor": 0.0, "roughnessFactor": 0.8}
    else:
        surface["metallicRoughnessTexture"] = {"index": names.index(material.orm)}
        if material.occluded:
            described["occlusionTexture"] = {"index": names.index(material.orm)}
    if material.extras is not None:
        described["extras"] = dict(material.extras)
    if material.normal is not None:
        described["normalTexture"] = {"index": names.index(material.normal)}
    return described
