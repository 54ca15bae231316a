# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiling material with all its maps, on the selected objects, the active material or a new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.events import FrameEvent, ResultEvent
from sd_core.metadata import PARAMETERS, REQUEST, parameters_text
from sd_core.requests import Request, Texture, TextureMap
from sd_core.results import Result

from .. import history, jobs
from ..fields import values_of
from ..job import BlenderJob, SteppedCallback
from ..request_fields import TEXTURE
from ..request_plan import RequestPlan, base_plan
from ..results import MAX_NAME_LENGTH, image_name
from ..scene.images import EncodedImage, ImagePixels, encode_image, new_image, read_pixels
from ..scene.material import COLOUR_SPACES, connect_maps, new_material
from ..scene.mesh_arrays import linked_error
from .common import ReportingOperator

_LEVELS = 65535

Maps = Mapping[str, EncodedImage]


@dataclass(frozen=True, slots=True)
class MapPlacement:
    """How the maps lie on an object.

    scale: repeats over the UV map. displacement: height scale in scene units.
    """

    scale: float
    displacement: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where the maps go.

    objects: names of those that get the material. material: the one whose nodes are replaced; empty: a new one.
    """

    objects: tuple[str, ...] = ()
    material: str = ""


class SDCORE_OT_generate_texture(ReportingOperator, bpy.types.Operator):
    """Generate a seamless PBR material from the prompt"""

    bl_idname = "sdcore.generate_texture"
    bl_label = "Generate Texture"

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        settings = context.scene.sd_core
        plan, target = texture_plan(settings), _target(context)
        bare = [name for name in target.objects if not _has_uvs(name)]
        if bare:
            self.report(
                {"WARNING"}, f"No UV map, so the texture will not show: {', '.join(bare)}. Unwrap them (U in Edit Mode)"
            )
        look = MapPlacement(settings.texture_scale, settings.texture_displacement)

        def apply(_: BlenderJob, result: Result, maps: Maps) -> SteppedCallback:
            return (yield from apply_texture(maps, result.request, target, look))

        return jobs.submit(
            plan.make_request, label=self.bl_label, convert=texture_encoder(history.history_folder()), on_result=apply
        )


CLASSES = (SDCORE_OT_generate_texture,)


def texture_plan(settings: bpy.types.PropertyGroup) -> RequestPlan:
    """The request for a texture, whose start picture, if there is one, is still to be converted."""
    side = int(settings.texture_size)
    own = values_of(settings, TEXTURE) | {"seamless": "xy"}
    if settings.texture_image is None:
        return base_plan(settings, Texture, **own | {"width": side, "height": side, "strength": 1.0})
    plan = base_plan(settings, Texture, **own | {"width": None, "height": None})
    return replace(plan, pictures={"image": (read_pixels(settings.texture_image), ImagePixels.to_uint8)})


def texture_encoder(folder: Path) -> Callable[[FrameEvent | ResultEvent], Maps]:
    """For `jobs.submit(convert=...)`: encodes every map and keeps the base colour in the history."""

    def convert(event: FrameEvent | ResultEvent) -> Maps:
        assert isinstance(event, ResultEvent)
        request = event.result.request
        texts = {PARAMETERS: parameters_text(request), REQUEST: request.to_json()}
        maps = {"base_color": encode_image(event.result.images[0], texts)}
        others = {kind: pixels for kind, pixels in event.result.maps.items() if kind != TextureMap.BASE_COLOR}
        maps |= {str(kind): encode_image(_to_storage_depth(kind, pixels)) for kind, pixels in others.items()}
        history.save_images(folder, [(maps["base_color"].png, request)])
        return maps

    return convert


def apply_texture(maps: Maps, request: Request, target: Target, placement: MapPlacement) -> SteppedCallback:
    """Make the images and the material, and put it where it belongs, in short parts.

    What has been deleted meanwhile is left out; where the images have been undone, nothing more is done.
    """
    name = image_name(request)
    made = {}
    for kind, encoded in maps.items():
        made[kind] = new_image(f"{name[:MAX_NAME_LENGTH]} {kind}", encoded, COLOUR_SPACES[kind]).name
        yield
    images = {kind: bpy.data.images[own] for kind, own in made.items() if own in bpy.data.images}
    if len(images) < len(made):
        return None
    images["base_color"][REQUEST] = request.to_json()
    material = bpy.data.materials.get(target.material) if target.material else None
    if material is None:
        material = new_material(name, images, displacement=placement.displacement)
    else:
        connect_maps(material, images, displacement=placement.displacement)
    _set_repeat(material, placement.scale)
    for object_name in target.objects:
        item = bpy.data.objects.get(object_name)
        if item is not None and item.library is None:
            _assign(item, material)
    return "Generate Texture"


def _to_storage_depth(kind: str, values: np.ndarray) -> np.ndarray:
    """Height has 16 bit, since 256 levels show as steps."""
    plane = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    return np.rint(np.clip(plane, 0, 1) * _LEVELS).astype(np.uint16) if kind == TextureMap.HEIGHT else plane


def _target(context: bpy.types.Context) -> Target:
    match context.scene.sd_core.texture_target:
        case "NEW":
            return Target()
        case "ACTIVE":
            material = context.object.active_material if context.object is not None else None
            if material is None:
                raise RequestError("material", "there is no active one", hint="choose a new material instead")
            if material.library is not None:
                what = f"{material.name!r} is linked from another file"
                raise RequestError("material", what, hint="choose a new material instead")
            return Target(material=material.name)
    items = [item for item in context.selected_objects if hasattr(item.data, "materials")]
    for item in items:
        if item.library is not None or item.data.library is not None:
            raise linked_error(item)
    chosen = tuple(item.name for item in items)
    if not chosen:
        raise RequestError(
            "objects", "none is selected that can have a material", hint="select one, or use a new material"
        )
    return Target(chosen)


def _assign(item: bpy.types.Object, material: bpy.types.Material) -> None:
    if item.material_slots:
        item.active_material = material
    else:
        item.data.materials.append(material)


def _set_repeat(material: bpy.types.Material, scale: float) -> None:
    for node in material.node_tree.nodes:
        if node.type == "MAPPING":
            node.inputs["Scale"].default_value = (scale, scale, scale)


def _has_uvs(name: str) -> bool:
    item = bpy.data.objects[name]
    return item.type != "MESH" or bool(item.data.uv_layers)
