# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera that renders the data: it follows the scene's from frame to frame and keeps its lens while one is rendered.

Cycles reads the cameras of the frames before and after for its motion vectors, but not all of what they do: Blender 4.2 takes
no zoom into account, no release up to 5.0 a shift, and from 4.5 on the vectors of an orthographic camera that moves are those
of a perspective one. So nothing of this changes while a frame is rendered, and the vectors are corrected afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from sd_core.passes import SensorFit

from ..exr import read_blender_exr
from ..exr_write import replace_passes
from .framing import Framing, widen_lens
from .optics import CameraOptics, correct_motion

_VECTOR, _DEPTH = "Vector", "Depth"
_BACKGROUND = 1e9
"""Depth from which on nothing is seen; there are no vectors either."""


@dataclass(frozen=True, slots=True)
class DataCamera:
    """A camera that sees what another one does and a margin.

    name, source: of the camera and of the one that it follows. framing: of the data. aspect: height of a pixel over its width.
    """

    name: str
    source: str
    framing: Framing
    aspect: float

    def match_lens(self, scene: bpy.types.Scene) -> tuple[CameraOptics, CameraOptics, CameraOptics]:
        """Take over the lens of the current frame; gives those of the frames before, now and after, with the margin."""
        frame, source = scene.frame_current, bpy.data.objects[self.source]
        if source.data.animation_data is None and source.data.type != "ORTHO":
            now = self._copy_lens()
            return now, now, now
        found = []
        for other in (frame - 1, frame + 1, frame):
            scene.frame_set(other)
            found.append(self._copy_lens())
        before, after, now = found
        return before, now, after

    def correct_file(self, path: Path, lenses: tuple[CameraOptics, CameraOptics, CameraOptics]) -> None:
        """Put the motion vectors of a frame right that was rendered while the lens kept still.

        Raises:
            RequestError: the file cannot be read. OutputError: it cannot be written.
        """
        if len(set(lenses)) == 1:
            return
        passes = {each.name: each.components for each in read_blender_exr(path).passes}
        vector, depth = passes[_VECTOR], next(iter(passes[_DEPTH].values()))
        motion = np.stack([vector[name] for name in "XYZW"], axis=-1)
        seen = depth < _BACKGROUND
        motion[seen] = correct_motion(motion, depth, lenses, self.aspect)[seen]
        replace_passes(path, {_VECTOR: dict(zip("XYZW", np.moveaxis(motion, -1, 0), strict=True))})

    def _copy_lens(self) -> CameraOptics:
        """The lens as it is evaluated at the frame that the scene is at."""
        made = bpy.data.objects[self.name]
        source = bpy.data.objects[self.source].evaluated_get(bpy.context.evaluated_depsgraph_get())
        now, data = source.data, made.data
        lens = widen_lens(self.framing, horizontal=data.sensor_fit == "HORIZONTAL", aspect=self.aspect)
        for name in ("sensor_width", "sensor_height", "clip_start", "clip_end"):
            setattr(data, name, getattr(now, name))
        if now.sensor_fit == "AUTO":
            data.sensor_height = now.sensor_width  # AUTO fits the width of the sensor to the longer side
        data.lens, data.ortho_scale = now.lens * lens.scale, now.ortho_scale / lens.scale
        data.shift_x = now.shift_x * lens.scale + lens.shift[0]
        data.shift_y = now.shift_y * lens.scale + lens.shift[1]
        if data.type == "ORTHO":
            made.matrix_world = source.matrix_world
        return CameraOptics.of(data, np.array(source.matrix_world))


def new_data_camera(camera: bpy.types.Object, framing: Framing, aspect: float) -> DataCamera:
    """A new camera for `camera`, to be updated at each frame.

    It has no animation of its own: a render evaluates the animation again, so that values that were set by hand would be
    lost. A perspective one is a child of the camera, whose moves Cycles sees.
    """
    data = camera.data.copy()
    data.animation_data_clear()
    made = bpy.data.objects.new(f"{camera.name} passes", data)
    made.parent = None if data.type == "ORTHO" else camera
    fit = SensorFit(data.sensor_fit)
    high = framing.height * aspect
    horizontal = framing.width >= high if fit is SensorFit.AUTO else fit is SensorFit.HORIZONTAL
    data.sensor_fit = "HORIZONTAL" if horizontal else "VERTICAL"
    data.dof.use_dof = False
    return DataCamera(made.name, camera.name, framing, aspect)
