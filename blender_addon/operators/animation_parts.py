# SPDX-License-Identifier: GPL-3.0-or-later
"""What animations have in common, whichever way their frames are made: where the files go, and what the user sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from sd_core.errors import RequestError
from sd_core.events import FrameEvent

from .. import history
from ..editors import show
from ..job import BlenderJob
from ..scene.folders import output_folder
from ..scene.images import EncodedImage, fill_image, new_image
from ..scene.sequencer import Timing, new_sequence_scene
from ..stylise.output import AnimationOutput, run_tag


def output_place(scene: bpy.types.Scene, frames: range) -> tuple[Path, str, range, str]:
    """Folder, name, frames and tag of this scene's animation, for some of its frames: as `Output` takes them."""
    name = bpy.path.clean_name(scene.name)
    whole = range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
    folder = output_folder(scene.sd_core.stylise.output, name, history.user_folder())
    return folder, name, frames, run_tag(frames, whole)


def refuse_open_file(output: AnimationOutput) -> None:
    """A new run replaces the copy of the scene that an earlier one left, which may be what is being worked on.

    Raises:
        RequestError: it is.
    """
    for name in (bpy.data.filepath, *(library.filepath for library in bpy.data.libraries)):
        path = Path(bpy.path.abspath(name)) if name else None
        if path is not None and output.is_scene_copy(path):
            message = f"{path} is in use by this Blender and would be overwritten: it lies in the output folder {output.folder}"
            raise RequestError("output", message, hint="choose another folder, or save the scene elsewhere")


@dataclass(slots=True)
class ShownFrames:
    """One image that changes, then a scene with the sequence. Names, for datablocks come and go.

    pictures: of all frames, in order. size: (height, width) px. image: the name of the one that changes.
    """

    name: str
    timing: Timing
    pictures: list[Path]
    size: tuple[int, int]
    image: str = ""

    def frame(self, job: BlenderJob, event: FrameEvent, packed: EncodedImage) -> None:
        """Show a finished frame."""
        count = len(self.pictures)
        job.message, job.progress = f"{event.index + 1} / {count}", (event.index + 1) / count
        image = bpy.data.images.get(self.image) if self.image else None
        if image is None:
            image = new_image(self.name, packed)
            self.image = image.name
            job.editor = None  # from now on the finished frames are shown there
            show(image)
        else:
            fill_image(image, packed)

    def sequence(self) -> str:
        """Put the pictures into a sequencer; gives the name of the undo step."""
        new_sequence_scene(self.name, self.pictures, self.size, self.timing)
        return "Stylise Animation"
