# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that a job names and that nobody has allowed yet: a scene or a picture from elsewhere may name any."""

from __future__ import annotations

from pathlib import Path

from sd_core.errors import NotAllowed
from sd_core.paths import home_folder
from sd_core.trust import Allowed, Kind, approve, external_names, printable
from sd_core.values import Role

from .job import BlenderJob
from .preferences import Preferences


def local_data_folder(preferences: Preferences) -> Path | None:
    """Where approvals for the server on this computer are kept; None: another server has its own, and its own rule."""
    return None if preferences.url else preferences.data_folder or home_folder()


def refused_names(job: BlenderJob, data_folder: Path) -> list[tuple[str, str]]:
    """(role, hub id or whole path) of what a job was refused for, as it stands now; empty: nothing that can be allowed."""
    if not isinstance(job.error, NotAllowed) or job.request is None:
        return []
    named = (each for each in external_names(job.request) if each.role is not Role.FILE)
    refused = Allowed(home=data_folder).refusals(named)
    wanted = ((str(each.role), target.text) for each, target in refused if target.kind is not Kind.NOTHING)
    return list(dict.fromkeys(wanted))


def dialog_lines(names: list[tuple[str, str]]) -> list[str]:
    """What a dialog shows of it."""
    return [printable(f"{role}: {text}") for role, text in names]


def allow(job: BlenderJob, data_folder: Path, names: list[tuple[str, str]]) -> None:
    """Note that the user allows just what was shown, and start the job again.

    Raises:
        SDError: the approvals cannot be read or written.
    """
    approve(data_folder, [text for _, text in names])
    job.reset()
    job.begin()
