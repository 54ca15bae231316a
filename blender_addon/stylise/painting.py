# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a shot and paint what it shows: the part that animations, stills and the scene itself have in common; for a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sd_core.errors import RequestError
from sd_core.requests import MeshTexture

from ..job import BlenderJob
from ..jobs import Ask
from ..request_plan import RequestPlan
from ..scene.passes.process import messages
from ..scene.surfaces.found import FRAMES, Seen, SurveyOrder, read_found
from ..scene.surfaces.paint import Paint
from .surface_output import SurfaceOutput, Texture
from .surface_request import Group, groups_of, paint_of, painting_request, textures_of

SURVEY = "survey.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A look at a shot that waits to be taken. command: of the background Blender, which reads the order from its folder."""

    order: SurveyOrder
    command: Sequence[str]

    def run(self, job: BlenderJob) -> list[Seen]:
        """What the shot shows.

        Raises:
            Cancelled: the job is. SDError: what the background Blender says.
        """
        folder = self.order.folder
        folder.mkdir(parents=True, exist_ok=True)
        self.order.write(folder / SURVEY)
        job.report_progress("Looking at the shot", 0.0)
        for held in messages(self.command, folder / "survey.log", lambda: job.cancel_requested):
            job.report_progress(f"Looking at the shot {held['done']} / {held['count']}", held["done"] / held["count"])
        return read_found(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """Textures for what a survey finds.

    plan: of the request without objects. styled: adds the style to a prompt. only: the one object that is painted; empty for all.
    """

    survey: Survey
    plan: RequestPlan
    styled: Callable[[str], str]
    output: SurfaceOutput
    only: str = ""

    def common(self) -> MeshTexture:
        """The fields that all objects share."""
        request = self.plan.make_request()
        assert isinstance(request, MeshTexture)
        return request

    def run(self, job: BlenderJob, ask: Ask) -> list[Paint]:
        """Look, paint what is not there yet, and give what each object shows.

        Raises:
            Cancelled: the job is. SDError: why it cannot be painted.
        """
        found = self.survey.run(job)
        common = self.common()
        groups = groups_of(found, self.survey.order.folder, common, self.styled)
        groups = [group for group in groups if not self.only or self.only in {seen.object for seen in group.members}]
        _refuse_nothing(groups, found, self.only)
        _warn(job, found)
        textures = self._textures(job, ask, groups, common)
        return [
            paint_of(seen, textures[group.key].maps, textures[group.key].about)
            for group in groups
            for seen in group.members
        ]

    def _textures(self, job: BlenderJob, ask: Ask, groups: Sequence[Group], common: MeshTexture) -> dict[str, Texture]:
        have = self._find(groups)
        if len(have) == len(groups):
            return have

        def wait() -> bool:
            job.report_progress("Another task paints")
            return not job.cancel_requested

        with self.output.painting(wait):
            have = self._find(groups)
            missing = [group for group in groups if group.key not in have]
            if missing:
                have |= self._paint(job, ask, missing, common)
        return have

    def _find(self, groups: Sequence[Group]) -> dict[str, Texture]:
        found = {group.key: self.output.find(group.key, group.size) for group in groups}
        return {key: texture for key, texture in found.items() if texture is not None}

    def _paint(self, job: BlenderJob, ask: Ask, groups: Sequence[Group], common: MeshTexture) -> dict[str, Texture]:
        request = painting_request(groups, common)
        job.id = self.output.job_id(request, job.id)
        made = textures_of(ask(request))
        found = {}
        for group in groups:
            maps, about = made[group.first.name]
            found[group.key] = self.output.keep(group.key, group.size, maps, about)
        self.output.forget_job()
        return found


def file_of(folder: Path) -> str:
    """Where the program of the survey finds its order."""
    return str(folder / SURVEY)


def _refuse_nothing(groups: Sequence[Group], found: Sequence[Seen], only: str) -> None:
    if groups:
        return
    if only:
        why = next((seen.why for seen in found if seen.object == only), "") or "the shot does not show it"
        raise RequestError("objects", f"{only!r} is not painted: {why}", hint="choose another object")
    names = ", ".join(f"{seen.name} ({seen.why})" for seen in found) or "nothing is seen"
    raise RequestError("objects", f"there is nothing to paint: {names}", hint='choose the method "Paint Frames"')


def _warn(job: BlenderJob, found: Sequence[Seen]) -> None:
    left = [seen for seen in found if seen.surface == FRAMES]
    if left:
        names = ", ".join(f"{seen.name} ({seen.why})" for seen in left)
        job.warn(f"left as they are, since no texture can be painted on them: {names}")
