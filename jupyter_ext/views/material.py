"""A texture on a solid, or on the user's own mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np

from sd_core.errors import RequestError
from sd_core.requests import Mesh, NormalConvention
from sd_core.values import Array

from ..editors.base import EditorContext
from ..editors.object_editor import resolve_input
from ..history import Entry
from ..pictures import png_bytes
from ..widgets import Shape
from .base import Note, ResultTab

_MAPS = ("normal", "roughness", "metallic", "height", "ambient_occlusion")


class MaterialTab(ResultTab):
    """All maps of the texture, lit, on a sphere, a cube, a plane, or a mesh from a file or a variable."""

    title = "Material"

    def __init__(self, variables: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._around = EditorContext(variables=variables)

    def build(self) -> list[widgets.Widget]:
        self._shape, self._note = Shape(), Note()
        self._mesh = widgets.Text(
            description="Mesh", placeholder="Path of a mesh file, or {variable}", continuous_update=False
        )
        self._mesh.observe(self._on_mesh_change, "value")
        return [self._shape, self._mesh, self._note]

    def show(self, entry: Entry, before: Entry | None) -> None:
        maps = {name: entry.result.maps[name] for name in _MAPS if name in entry.result.maps}
        if "normal" in maps and getattr(entry.request, "normal_convention", None) is NormalConvention.DIRECTX:
            maps["normal"] = _to_opengl(maps["normal"])
        with self._shape.hold_sync():
            self._shape.base_color = png_bytes(entry.picture)
            for name in _MAPS:
                setattr(self._shape, name, png_bytes(maps[name]) if name in maps else b"")
        if isinstance(entry.result.mesh, Mesh):
            self._show_mesh(entry.result.mesh)

    def _on_mesh_change(self, *_: object) -> None:
        text = self._mesh.value.strip()
        self._note.say("")
        if not text:
            self._shape.shape = "sphere"
            return
        try:
            self._show_mesh(_as_mesh(resolve_input(text, self._around, "mesh")))
        except (RequestError, ValueError) as error:
            self._note.say(f"this mesh cannot be shown: {error}")

    def _show_mesh(self, mesh: Mesh) -> None:
        if mesh.uvs is None:
            raise RequestError("mesh", "has no UVs", hint="paint it with a MeshTexture request first")
        self._shape.show_mesh(mesh.vertices, mesh.faces.astype(np.uint32), mesh.uvs)


def _as_mesh(value: Any) -> Mesh:
    if isinstance(value, Mesh):
        return value
    from sd_core.mesh.load import load_mesh

    return load_mesh(str(value))


def _to_opengl(normal: Array) -> Array:
    return np.stack([normal[..., 0], 1 - normal[..., 1], normal[..., 2]], axis=-1)
