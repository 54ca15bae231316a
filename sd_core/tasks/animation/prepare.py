"""What is known of the frames of an animation before they are painted: geometry alone, so that it can run ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from sd_core.animation.geometry.frame_geometry import Matches, View, match, place_of, stands_still, view_of
from sd_core.animation.reuse.denoise_plan import AGED, CUT, Needs, everything, needs_of
from sd_core.animation.reuse.keyframes import distance
from sd_core.animation.reuse.reappearance import Recall, thinned
from sd_core.animation.reuse.refine_sources import Settler
from sd_core.animation.reuse.source_map import Births, born, carried, unborn, uncovered
from sd_core.animation.reuse.state import Carried, from_arrays
from sd_core.animation.reuse.surface_noise import surface_noise
from sd_core.animation.states import State
from sd_core.diffusion.latents import latent_channels
from sd_core.errors import RequestError
from sd_core.requests.resolved import seed_of
from sd_core.values import Array

from .frame_request import Frame
from .start import Studio

T = TypeVar("T")

_WORTH_KEEPING = 0.15
"""Share of a frame that must have been made anew since the last one in which surfaces are looked up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Easel:
    """A frame that is ready to be painted.

    matches: to the frame before; None: it does not follow from it. births: as carried from there. cut: whether one was
    given or found before the frame. noise: (c, lh, lw) float32 that belongs to its surfaces; None: the passes do not tell
    them apart, or it is not wanted. anchor: the first frame of the shot, where it is looked at. after: the state once the
    frame is painted.
    """

    frame: Frame
    view: View
    matches: Matches | None
    births: Births
    needs: Needs
    cut: bool
    noise: Array | None
    anchor: Frame | None
    after: Carried


class Preparer:
    """Prepares the frames of one animation in order; `open_frame` opens those that are finished."""

    def __init__(self, studio: Studio, open_frame: Callable[[int], Frame]) -> None:
        self._studio = studio
        self._open_frame = open_frame
        self._before: tuple[Frame, Carried] | None = None
        self._anchor: Frame | None = None
        self._settler = Settler(lambda index: place_of(open_frame(index).passes))
        self._recall = Recall(lambda index: view_of(open_frame(index).passes))

    def restore(self, state: State, before: Frame) -> None:
        """Go on after the frame `before`, which left `state`."""
        self._before = before, from_arrays(state, view_of(before.passes), before.index)

    def prepared(self, frame: Frame) -> Easel:
        """The next frame.

        Raises:
            RequestError: a pass is missing; names the frame.
        """
        easel = self._easel(frame)
        self._before = frame, easel.after
        return easel

    def _easel(self, frame: Frame) -> Easel:
        view = view_of(frame.passes)
        if self._before is None or frame.passes.cut or not self._has_motion(frame):
            return self._anew(frame, view, None, cut=frame.passes.cut)
        matches = match(view, self._before[1].view)
        if 1 - float(matches.seen.mean()) > CUT:
            return self._anew(frame, view, None, cut=True)
        if not self._studio.carries:
            return self._anew(frame, view, matches, cut=False)
        return self._continuing(frame, view, matches, *self._before)

    def _anew(self, frame: Frame, view: View, matches: Matches | None, *, cut: bool) -> Easel:
        needs = everything(view.size, self._studio.scale, limit=frame.settings.strength)
        return self._built(frame, view, matches, unborn(view.size), needs, clock=0.0, cut=cut)

    def _continuing(self, frame: Frame, view: View, matches: Matches, earlier: Frame, before: Carried) -> Easel:
        studio, settings = self._studio, frame.settings
        own = np.ones(view.size, bool) if view.rests else stands_still(view, before.view)
        births = self._settler.settled(carried(before.births, matches), view, own)
        births = uncovered(self._settler.joined(births, view, own), view)
        births = self._recall.recalled(births, view, before.kept, own)
        clock = before.clock + distance(settings, earlier.settings)
        needs = self._needs(births, before, clock, settings.strength)
        if needs.full:
            # only then: what comes back may differ from what is there, and much changes anyway
            recent = [index for index in before.kept if clock - before.clocks[index] <= AGED]
            births = self._recall.returned(births, view, recent, own)
            needs = self._needs(births, before, clock, settings.strength)
        if not studio.request.reuse.start:
            needs = replace(needs, strength=np.full_like(needs.strength, settings.strength))
        return self._built(frame, view, matches, births, needs, clock=clock, cut=False)

    def _built(
        self,
        frame: Frame,
        view: View,
        matches: Matches | None,
        births: Births,
        needs: Needs,
        *,
        clock: float,
        cut: bool,
    ) -> Easel:
        before = self._before[1] if self._before is not None and matches is not None else None
        looks_back = needs.full and self._studio.request.reuse.attention
        return Easel(
            frame=frame,
            view=view,
            matches=matches,
            births=births,
            needs=needs,
            cut=cut,
            noise=self._noise(view),
            anchor=self._opened(before.kept[0]) if before is not None and looks_back else None,
            after=_after(frame.index, view, births, needs, clock, before),
        )

    def _needs(self, births: Births, before: Carried, clock: float, limit: float) -> Needs:
        age, studio = _age(births, before.clocks, clock), self._studio
        return needs_of(births, age, studio.scale, margin=studio.margin, limit=limit, owed=before.owed)

    def _has_motion(self, frame: Frame) -> bool:
        if frame.passes.motion is not None:
            return True
        if self._studio.carries:
            hint = "render the Vector pass, or use Reuse(start=False, pin=False)"
            raise RequestError("passes", f"frame {frame.index}: has no motion", hint=hint)
        return False

    def _noise(self, view: View) -> Array | None:
        studio = self._studio
        if not studio.anchors_noise(view):
            return None
        return surface_noise(view, seed_of(studio.request), latent_channels(studio.model), studio.scale)

    def _opened(self, index: int) -> Frame:
        if self._anchor is None or self._anchor.index != index:
            self._anchor = self._open_frame(index)
        return self._anchor


def ahead(items: Iterator[T]) -> Generator[T]:
    """`items`, each of them made in a thread of its own while what comes before it is used. An error comes in its turn."""
    end = object()
    with ThreadPoolExecutor(1, "sd_core-prepare") as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield item  # type: ignore[misc] - it is not the end


def _after(index: int, view: View, births: Births, needs: Needs, clock: float, before: Carried | None) -> Carried:
    """The state after a frame."""
    births = born(births, index, needs.fresh, firm=needs.firm, beside=view.beside, gap=view.gap)
    clocks = {index: clock} if before is None else {**before.clocks, index: clock}
    since = float(needs.fresh.mean()) + (0.0 if before is None else before.since)
    kept = () if before is None else before.kept
    if needs.full and (since > _WORTH_KEEPING or not kept):
        kept, since = thinned((*kept, index)), 0.0
    return Carried(view, births, clocks, clock, kept, since, needs.owed).pruned()


def _age(births: Births, clocks: Mapping[int, float], clock: float) -> Array:
    """(h, w) float32 in [0, 1]: how much the settings changed since each pixel was made."""
    age = np.zeros(births.frame.shape, np.float32)
    for index, then in clocks.items():
        age[births.frame == index] = clock - then
    return np.clip(age, 0, 1)
