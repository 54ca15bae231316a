# SPDX-License-Identifier: GPL-3.0-or-later
"""The question whether a scene may use the models that it names."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.props import StringProperty

from sd_core.errors import SDError

from .. import approval, jobs
from ..job import BlenderJob
from ..preferences import read_preferences
from .common import is_ready

_WIDTH = 640
"""Of the dialog, in px: whole paths are long."""


class SDCORE_OT_allow_names(bpy.types.Operator):
    """Allow the models that the failed job names, and start it again"""

    bl_idname = "sdcore.allow_names"
    bl_label = "Allow These Models?"
    bl_options: ClassVar = {"INTERNAL"}

    __annotations__ = {
        "job": StringProperty(
            name="Job", description="Id of the job; empty for the last that failed", options={"SKIP_SAVE", "HIDDEN"}
        )
    }

    _shown: ClassVar[dict[str, list[tuple[str, str]]]] = {}
    """What the open dialog shows, by job: that is allowed, and nothing that came since."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        elsewhere = "The server runs on another computer: run 'sd-core models allow' there"
        return is_ready(cls, elsewhere if approval.local_data_folder(read_preferences()) is None else "")

    def invoke(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        job, home = _job(self.job), approval.local_data_folder(read_preferences())
        self._shown.clear()
        try:
            wanted = [] if job is None or home is None else approval.refused_names(job, home)
        except SDError as error:
            return self._tell(error)
        if job is None or not wanted:
            return {"CANCELLED"} if job is None or job.error is None else self._tell(job.error)
        self.job = job.id
        self._shown[job.id] = wanted
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH)

    def draw(self: Any, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        column.label(text=translated("This file wants the server to load:"), translate=False)
        for line in approval.dialog_lines(self._shown.get(self.job, [])):
            column.label(text=line, icon="FILE", translate=False)
        column.label(
            text=translated("Allow only models that you trust. The approval stays until 'sd-core models disallow'."),
            icon="ERROR",
            translate=False,
        )

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        job, home = _job(self.job), approval.local_data_folder(read_preferences())
        wanted = self._shown.pop(self.job, [])
        if job is None or home is None or not wanted:
            self.report(
                {"ERROR"},
                "Not confirmed in the dialog. To allow it without one, run in a terminal: sd-core models allow PATH",
            )
            return {"CANCELLED"}
        try:
            approval.allow(job, home, wanted)
        except SDError as error:
            return self._tell(error)
        return {"FINISHED"}

    def cancel(self: Any, context: bpy.types.Context) -> None:
        self._shown.clear()

    def _tell(self: Any, error: SDError) -> set[str]:
        # An error would be raised in the timer that calls this.
        self.report({"WARNING"}, str(error))
        return {"CANCELLED"}


CLASSES = (SDCORE_OT_allow_names,)


def _job(job_id: str) -> BlenderJob | None:
    failed = [job for job in jobs.all_jobs() if job.error is not None and job_id in ("", job.id)]
    return failed[-1] if failed else None
