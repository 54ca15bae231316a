# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with their progress, errors with their repair, and the server."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from sd_core.errors import Cancelled

from .. import jobs, preview_overlay
from ..connection import ServerState, ServerStatus, server, status_poller
from ..job import BlenderJob, JobStage
from ..problems import fix_of
from .layout import draw_wrapped, panels_in_editors

_PICTURE = 8.0
"""Side of the picture of a job that runs, in rows of the panel."""

_GIBIBYTE = 1024**3
_STATES = {
    ServerState.STARTING: ("Starting", "TIME"),
    ServerState.UNKNOWN: ("Server not running", "RADIOBUT_OFF"),
    ServerState.FAILED: ("Server failed to start", "ERROR"),
}


def draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context, *, picture: bool = False) -> None:
    """Progress of what runs, with a button to cancel, and its picture if wanted; errors of what has failed last.

    For the end of a panel: what comes and goes must not move the form under the mouse.
    """
    status_poller.note_drawn()
    for job in jobs.running_jobs():
        _draw_running(layout, job)
        icon = preview_overlay.icon_of(job.id) if picture else None
        if icon is not None:
            layout.template_icon(icon_value=icon, scale=_PICTURE)
    for job in jobs.all_jobs()[-1:]:
        _draw_warnings(layout, context, job)
    failed = [job for job in jobs.all_jobs() if job.stage is JobStage.FAILED]
    for job in failed[-1:]:
        _draw_error(layout, context, job)


def _draw_running(layout: bpy.types.UILayout, job: BlenderJob) -> None:
    row = layout.row(align=True)
    row.progress(factor=job.progress, text=f"{translated(job.label)}: {_stage_text(job)}")
    row.operator("sdcore.cancel", text="", icon="X").job = job.id


def _stage_text(job: BlenderJob) -> str:
    if job.stage is JobStage.RUNNING:
        left = "" if job.seconds_left is None else f", {_duration(job.seconds_left)}"
        return f"{job.progress:.0%}{left}"
    return translated(job.message or str(job.stage).capitalize())


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


def _draw_warnings(layout: bpy.types.UILayout, context: bpy.types.Context, job: BlenderJob) -> None:
    if not job.warnings:
        return
    box = layout.box()
    head = box.row()
    head.label(text=translated(job.label), icon="ERROR", translate=False)
    head.operator("sdcore.dismiss", text="", icon="X", emboss=False)
    for warning in job.warnings:
        draw_wrapped(box, context, warning)


def _draw_error(layout: bpy.types.UILayout, context: bpy.types.Context, job: BlenderJob) -> None:
    error = job.error
    if error is None or isinstance(error, Cancelled):
        return
    box = layout.box()
    head = box.row()
    head.label(text=translated(job.label), icon="ERROR", translate=False)
    head.operator("sdcore.dismiss", text="", icon="X", emboss=False)
    subject = f"{error.subject()}: " if error.subject() else ""
    draw_wrapped(box, context, f"{subject}{error.message}")
    if error.hint:
        draw_wrapped(box, context, error.hint, "INFO")
    fix = fix_of(error)
    if fix is not None:
        button = box.operator(fix.operator, text=fix.label)
        for name, value in fix.settings.items():
            setattr(button, name, value)


class SDCORE_PT_server:
    """State, device, memory and queue of the server."""

    bl_label = "Server"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set
    bl_order = 90

    def draw(self: Any, context: bpy.types.Context) -> None:
        status_poller.note_drawn()
        layout, status = self.layout, server.status
        if status.state is ServerState.READY:
            _draw_ready(layout, status)
        else:
            text, icon = _STATES[status.state]
            layout.label(text=text, icon=icon)
        if status.error is not None and status.state is not ServerState.UNKNOWN:
            draw_wrapped(layout, context, str(status.error))
        _draw_buttons(layout.row(align=True), status.state)


def _draw_buttons(row: bpy.types.UILayout, state: ServerState) -> None:
    if state is ServerState.READY:
        row.operator("sdcore.free_memory")
        if server.is_started_here:
            row.operator("sdcore.stop_server", text="Stop")
    elif state is not ServerState.STARTING:
        row.operator("sdcore.start_server")
    row.operator("sdcore.open_preferences", text="", icon="PREFERENCES")


def _draw_ready(layout: bpy.types.UILayout, status: ServerStatus) -> None:
    layout.label(text=status.url, icon="CHECKMARK", translate=False)
    column = layout.column(align=True)
    for device in status.health.get("devices", ()):
        memory = device["memory"]
        size = "" if memory is None else f", {memory['free'] / _GIBIBYTE:.1f} / {memory['total'] / _GIBIBYTE:.1f} GiB"
        column.label(text=f"{device['device'] or '?'}{size}", icon="MEMORY", translate=False)
        if device["problem"]:
            column.label(text=device["problem"], icon="ERROR", translate=False)
    queue = status.health.get("queue", {})
    waiting, runs = queue.get("queued", 0), queue.get("running", 0)
    column.label(text=f"{translated('Queue')}: {waiting + runs}", icon="SORTTIME", translate=False)


PANELS = panels_in_editors(SDCORE_PT_server)
CLASSES = PANELS
