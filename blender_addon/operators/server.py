# SPDX-License-Identifier: GPL-3.0-or-later
"""The server, jobs and what repairs them."""

import threading
from collections.abc import Callable
from typing import ClassVar

import bpy
from bpy.props import StringProperty

from sd_core.errors import SDError
from sd_core.paths import home_folder

from .. import jobs
from ..connection import server
from ..fields import set_values
from ..preferences import Preferences, read_preferences
from ..request_fields import groups_of
from .common import is_ready


def run_in_background(work: Callable[[Preferences], object]) -> None:
    """Run something that waits for the server in a thread; what goes wrong is seen in the server's status."""
    preferences = read_preferences()

    def quietly() -> None:
        try:
            work(preferences)
        except SDError as error:
            server.record_error(error)

    threading.Thread(target=quietly, name="sd_core-server", daemon=True).start()


class BackgroundRequest:
    """Operators that ask the server for something in the background."""

    bl_options: ClassVar = {"INTERNAL"}
    ask: ClassVar[Callable[[Preferences], object]]

    def execute(self, context: bpy.types.Context) -> set[str]:
        run_in_background(type(self).ask)
        return {"FINISHED"}


class SDCORE_OT_start_server(bpy.types.Operator):
    """Start the server or reconnect to it; interrupted jobs continue"""

    bl_idname = "sdcore.start_server"
    bl_label = "Start Server"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs.retry_lost_jobs()
        jobs.forget_ended_jobs()
        run_in_background(_start)
        return {"FINISHED"}


class SDCORE_OT_stop_server(bpy.types.Operator):
    """Cancel all jobs of this Blender, then stop the server that it has started"""

    bl_idname = "sdcore.stop_server"
    bl_label = "Stop Server"
    bl_options: ClassVar = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return server.is_started_here

    def execute(self, context: bpy.types.Context) -> set[str]:
        for job in jobs.running_jobs():
            job.cancel()
        run_in_background(lambda _: server.stop())
        return {"FINISHED"}


class SDCORE_OT_free_memory(BackgroundRequest, bpy.types.Operator):
    """Unload the models of the server from memory"""

    bl_idname = "sdcore.free_memory"
    bl_label = "Free Memory"
    ask = server.free_memory


class SDCORE_OT_refresh_models(BackgroundRequest, bpy.types.Operator):
    """Reload the lists of models, ControlNets and LoRAs from the server"""

    bl_idname = "sdcore.refresh_models"
    bl_label = "Refresh"
    ask = server.refresh


class SDCORE_OT_open_lora_folder(bpy.types.Operator):
    """Open the folder into which LoRAs for the server on this computer belong"""

    bl_idname = "sdcore.open_lora_folder"
    bl_label = "Open LoRA Folder"
    bl_options: ClassVar = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        elsewhere = "The server runs on another computer: use the folder 'loras' in its data folder there"
        return is_ready(cls, elsewhere if read_preferences().url else "")

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = (read_preferences().data_folder or home_folder()) / "loras"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.report(
                {"ERROR"}, f"{folder} cannot be made: {error.strerror}. Set another data folder in the preferences"
            )
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


class SDCORE_OT_cancel(bpy.types.Operator):
    """Cancel the jobs that run and wait, or the named one"""

    bl_idname = "sdcore.cancel"
    bl_label = "Cancel"
    bl_options: ClassVar = {"INTERNAL"}

    job: StringProperty(name="Job", description="Id of the job; empty for all", options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(jobs.running_jobs())

    def execute(self, context: bpy.types.Context) -> set[str]:
        for job in jobs.running_jobs():
            if self.job in ("", job.id):
                job.cancel()
        return {"FINISHED"}


class SDCORE_OT_dismiss(bpy.types.Operator):
    """Remove finished and failed jobs from the panel"""

    bl_idname = "sdcore.dismiss"
    bl_label = "Dismiss"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs.forget_ended_jobs()
        return {"FINISHED"}


class SDCORE_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of this extension"""

    bl_idname = "sdcore.open_preferences"
    bl_label = "Open Preferences"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=__package__.rsplit(".", 1)[0])
        return {"FINISHED"}


class SDCORE_OT_set_pad(bpy.types.Operator):
    """Extend images to multiples of 8 px by repeating border pixels, and crop the results"""

    bl_idname = "sdcore.set_pad"
    bl_label = "Pad to Multiples of 8"
    bl_options: ClassVar = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.sd_core.pad = True
        jobs.forget_ended_jobs()
        return {"FINISHED"}


class SDCORE_OT_use_default_model(bpy.types.Operator):
    """Use the default model of the server, without LoRAs and ControlNets"""

    bl_idname = "sdcore.use_default_model"
    bl_label = "Use the Default Model"
    bl_options: ClassVar = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.sd_core
        for group, specs in groups_of(settings):
            set_values(group, {name: None for name, spec in specs.items() if spec.role.is_outside})
        settings.loras.clear()
        settings.controls.clear()
        jobs.forget_ended_jobs()
        return {"FINISHED"}


class SDCORE_OT_report(bpy.types.Operator):
    """Show a message where the mouse is"""

    bl_idname = "sdcore.report"
    bl_label = "Stable Diffusion"
    bl_options: ClassVar = {"INTERNAL"}

    message: StringProperty(name="Message", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        # An error would be raised in the timer that calls this.
        self.report({"WARNING"}, self.message)
        return {"FINISHED"}


CLASSES = (
    SDCORE_OT_start_server,
    SDCORE_OT_stop_server,
    SDCORE_OT_free_memory,
    SDCORE_OT_refresh_models,
    SDCORE_OT_open_lora_folder,
    SDCORE_OT_cancel,
    SDCORE_OT_dismiss,
    SDCORE_OT_open_preferences,
    SDCORE_OT_set_pad,
    SDCORE_OT_use_default_model,
    SDCORE_OT_report,
)


def _start(preferences: Preferences) -> None:
    server.client(preferences)
    server.find(preferences)
