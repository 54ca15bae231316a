# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: submitting returns at once, threads talk to the server, one timer brings what happened to the main thread.

A callback runs on the main thread, in a tick of the timer, and should take a few milliseconds at most; whatever takes longer
(encoding, writing files) belongs into `convert`, which runs in the job's thread and must not touch bpy. Datablocks do not
outlive an undo or another file: callbacks keep names, and find out for themselves whether they still mean anything.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from sd_core.errors import Cancelled, NotAllowed, SDError
from sd_core.events import CancelledEvent, Event, Failed, FrameEvent, ResultEvent, StepEvent
from sd_core.requests import Request
from sd_core.results import Result

from . import preview_overlay
from .connection import server, status_poller
from .editors import ImageEditorRef
from .job import BlenderJob, JobCallbacks, JobStage, Message, SteppedCallback, WarningMessage
from .preferences import Preferences, read_preferences

CLASSES = ()

BUDGET = 0.004
"""Seconds of a tick that are given to events."""

_SOON, _BUSY, _IDLE = 0.01, 0.05, 0.5
"""Seconds between ticks while a result is taken over, while jobs run, and while none does."""

_QUIT_TIMEOUT = 1.0
"""Seconds that a server is given to hear that a job is no longer wanted, and then to be left, when Blender quits."""

_MAX_ENDED_JOBS = 20
"""Ended jobs that panels may still show."""

_log = logging.getLogger(__name__)


MakeRequest = Callable[[BlenderJob], Request]
"""Makes a request in the job's thread, without touching bpy: waits for a render of data passes, say."""

Convert = Callable[[FrameEvent | ResultEvent], Any]
"""Turns a frame or a result into what the callback wants, in the job's thread, without touching bpy."""

_inbox: queue.SimpleQueue[tuple[BlenderJob, Event | Message | WarningMessage, Any]] = queue.SimpleQueue()
_jobs: list[BlenderJob] = []
_undo_steps: list[str] = []
_file = [0]


def submit(  # noqa: PLR0913 - each of them is named at the call
    request: Request | MakeRequest,
    *,
    label: str,
    on_step: Callable[[BlenderJob, StepEvent], None] | None = None,
    on_frame: Callable[[BlenderJob, FrameEvent, Any], None] | None = None,
    on_result: Callable[[BlenderJob, Result, Any], str | SteppedCallback | None] | None = None,
    on_end: Callable[[BlenderJob], None] | None = None,
    convert: Convert | None = None,
    priority: str = "interactive",
    preferences: Preferences | None = None,
    editor: ImageEditorRef | None = None,
) -> BlenderJob:
    """Start a job and return at once; call it on the main thread.

    Args:
        request: what to make, or what makes it in the job's thread.
        label: short, for people.
        on_step, on_frame, on_result, on_end: see `JobCallbacks`. Not called once another file has been opened, but `on_end`.
        convert: runs in the job's thread before `on_frame` and `on_result`, which get what it gives.
        priority: "interactive" or "batch".
        preferences: in place of the user's.
        editor: the Image Editor over whose image the picture is drawn while it is made; None: in the panels alone.
    """
    job = BlenderJob(label, _inbox.put, JobCallbacks(on_step, on_frame, on_result, on_end), _file[0], editor=editor)
    job.begin = lambda: _start_thread(job, request, convert, priority, preferences)
    _jobs.append(job)
    job.begin()
    return job


def retry_lost_jobs() -> int:
    """Take up the jobs that ended because the server was gone; gives their number.

    They keep their ids and requests: a server that has written one down goes on with it, or gives the result that it has.
    """
    lost = [job for job in _jobs if job.has_lost_server and job.file_number == _file[0]]
    for job in lost:
        job.reset()
        job.begin()
    return len(lost)


def all_jobs() -> tuple[BlenderJob, ...]:
    """Those that run and the last that ended, oldest first."""
    return tuple(_jobs)


def running_jobs() -> tuple[BlenderJob, ...]:
    """Those that have not ended, oldest first."""
    return tuple(job for job in _jobs if not job.has_ended)


def forget_ended_jobs() -> None:
    """Leave those that have ended out of the panels."""
    _jobs[:] = running_jobs()


def handle_events(budget: float = BUDGET) -> int:
    """Handle what has happened, for `budget` seconds at most but one event at least; gives their number.

    The timer calls this. Where there are no timers (a background Blender, the module bpy) whoever waits calls it: see `wait`.
    """
    give_up, count = time.perf_counter() + budget, 0
    while (count == 0 or time.perf_counter() < give_up) and _handle_next():
        count += 1
    if count:
        _show_picture()
        _redraw()
    return count


def wait(job: BlenderJob, timeout: float | None = None) -> BlenderJob:
    """Handle events until a job has ended: for scripts in a background Blender. Ctrl-C cancels the job.

    Raises:
        SDError: why it failed; `Cancelled`.
        TimeoutError: it has not ended after `timeout` seconds.
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    try:
        while not job.has_ended or _undo_steps:
            if give_up is not None and time.monotonic() > give_up:
                raise TimeoutError(f"{job.label} has not ended after {timeout} s")
            if not handle_events():
                time.sleep(0.01)
    except KeyboardInterrupt:
        job.cancel()
        return wait(job, 30)
    if job.error is not None:
        raise job.error
    return job


def register() -> None:
    """Start the timer."""
    bpy.app.timers.register(_tick, persistent=True)
    bpy.app.handlers.load_pre.append(_on_load)


def unregister() -> None:
    """Stop the timer and every job, and leave the server."""
    stopped = running_jobs()
    for job in stopped:
        job.cancel()
    for job in stopped:
        job.wait_for_cancel(_QUIT_TIMEOUT)
    _jobs.clear()
    _undo_steps.clear()
    bpy.app.handlers.load_pre.remove(_on_load)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    server.stop(_QUIT_TIMEOUT)


def _start_thread(
    job: BlenderJob,
    request: Request | MakeRequest,
    convert: Convert | None,
    priority: str,
    preferences: Preferences | None,
) -> None:
    arguments = (job, request, convert, priority, preferences or read_preferences())
    threading.Thread(target=_run_job, args=arguments, name=f"sd_core-{job.label}", daemon=True).start()


def _run_job(
    job: BlenderJob, source: Request | MakeRequest, convert: Convert | None, priority: str, preferences: Preferences
) -> None:
    """The thread of a job."""
    try:
        # Made once: data that are rendered again differ in the time that Blender writes into them.
        request = job.request = job.request or (source if isinstance(source, Request) else source(job))
        job.report_progress("Looking for the server")
        client = server.client(preferences)
        job.report_progress("Sending")
        remote = client.submit(request, id=job.id, priority=priority)
        job.attach_remote(remote)
        for event in remote.events():
            ready = convert(event) if convert is not None and isinstance(event, (FrameEvent, ResultEvent)) else None
            _inbox.put((job, event, ready))
    except Cancelled:
        _inbox.put((job, CancelledEvent(), None))
    except SDError as error:
        _inbox.put((job, Failed(error), None))
    except Exception as error:  # noqa: BLE001 - shown to the user, and logged
        _log.exception("%s failed", job.label)
        _inbox.put(
            (
                job,
                Failed(
                    SDError(
                        f"{type(error).__name__}: {error}",
                        hint="details are in the system console (Window > Toggle System Console)",
                    )
                ),
                None,
            )
        )


def _tick() -> float:
    handle_events()
    if status_poller.tick():
        _redraw()
    if _undo_steps or any(job.remaining_callback is not None for job in _jobs):
        return _SOON
    return _BUSY if running_jobs() else _IDLE


@persistent
def _on_load(*_: object) -> None:
    """What is under way belongs to another file from now on."""
    _file[0] += 1


def _handle_next() -> bool:
    """One piece of work, if there is one: an undo step, a part of a callback, or an event."""
    if _undo_steps:
        _push_undo(_undo_steps.pop(0))
        return True
    job = next((job for job in _jobs if job.remaining_callback is not None), None)
    if job is not None:
        # What is left belongs to a file that is no longer open.
        _run_guarded(job, job.advance if job.file_number == _file[0] else lambda: job.end(JobStage.DONE))
        return True
    try:
        job, event, converted = _inbox.get_nowait()
    except queue.Empty:
        return False
    if not job.has_ended:
        calls = job.callbacks if job.file_number == _file[0] else JobCallbacks(on_end=job.callbacks.on_end)
        _run_guarded(job, lambda: job.apply(event, converted, calls))
    return True


def _run_guarded(job: BlenderJob, work: Callable[[], str | None]) -> None:
    """A fault in a callback must neither stop the timer nor leave a job that runs for ever."""
    try:
        undo = work()
    except Exception as error:  # noqa: BLE001 - shown to the user, and logged
        _log.exception("%s failed", job.label)
        job.cancel()
        known = isinstance(error, SDError)
        job.end(
            JobStage.FAILED,
            error
            if known
            else SDError(
                f"{type(error).__name__}: {error}",
                hint="details are in the system console (Window > Toggle System Console)",
            ),
        )
        _report(job)
        return
    if undo is not None:
        _undo_steps.append(undo)
    if job.stage is JobStage.FAILED:
        _report(job)
    if job.has_ended:
        ended = [other for other in _jobs if other.has_ended]
        _jobs[:] = [other for other in _jobs if other not in ended[:-_MAX_ENDED_JOBS]]


def _push_undo(message: str) -> None:
    """One step takes back what `on_result` did. Without a window (a farm) there is no undo."""
    if not bpy.context.window_manager.windows:
        return
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.ed.undo_push(message=message)


def _report(job: BlenderJob) -> None:
    """A message at the mouse, besides the one in the panel; a question where the user can allow what was refused."""
    windows = bpy.context.window_manager.windows
    if not windows:
        return
    with bpy.context.temp_override(window=windows[0]):
        # What was allowed and is refused again will not be helped by asking again.
        if _can_ask_permission(job):
            job.has_asked_permission = True
            bpy.ops.sdcore.allow_names("INVOKE_DEFAULT", job=job.id)
        else:
            bpy.ops.sdcore.report(
                "INVOKE_DEFAULT", message=" ".join([f"{job.label}: {job.error}", *job.error.warnings])
            )


def _can_ask_permission(job: BlenderJob) -> bool:
    # In the background nobody sees a dialog, and Blender would run it as if it had been agreed to.
    fresh = job.file_number == _file[0] and not job.has_asked_permission and not bpy.app.background
    return fresh and isinstance(job.error, NotAllowed) and bpy.ops.sdcore.allow_names.poll()


def _show_picture() -> None:
    """That of the open file's job which runs the longest; of several events in a tick only the last one's."""
    job = next((job for job in running_jobs() if job.preview is not None and job.file_number == _file[0]), None)
    if job is None:
        preview_overlay.hide()
    else:
        preview_overlay.show(job.id, job.preview, job.editor)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"IMAGE_EDITOR", "VIEW_3D", "SEQUENCE_EDITOR"}:
                area.tag_redraw()
