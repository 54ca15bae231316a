"""What is known of the frames of an animation before they are painted: geometry alone, so that it can run ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from sd_core.animation.geometry.frame_geometry import (
    Correspondence,
    FrameGeometry,
    find_correspondence,
    frame_geometry,
    is_static,
    surface_positions,
)
from sd_core.animation.policy import POLICY
from sd_core.animation.reuse.denoise_plan import DenoisePlan, full_denoise_plan, make_denoise_plan
from sd_core.animation.reuse.keyframes import settings_distance
from sd_core.animation.reuse.reappearance import KeptFrames, thin_frames
from sd_core.animation.reuse.refine_sources import SourceRefiner
from sd_core.animation.reuse.source_map import (
    SourceMap,
    add_sources,
    empty_sources,
    reproject_sources,
    without_moved_occluders,
)
from sd_core.animation.reuse.state import ReuseState, from_arrays
from sd_core.animation.reuse.surface_noise import surface_noise
from sd_core.animation.states import State
from sd_core.diffusion.latents import latent_channels
from sd_core.errors import RequestError
from sd_core.requests.resolved import seed_of
from sd_core.values import Array

from .frame_request import FrameInput
from .start import AnimationRun

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFrame:
    """A frame that is ready to be painted.

    correspondence: to the frame before; None: it does not follow from it. sources: as reprojected from there. cut: whether one was
    given or found before the frame. noise: (c, lh, lw) float32 that belongs to its surfaces; None: the passes do not tell
    them apart, or it is not wanted. anchor: the first frame of the shot, where it is looked at. next_state: the state once the
    frame is painted.
    """

    frame: FrameInput
    geometry: FrameGeometry
    correspondence: Correspondence | None
    sources: SourceMap
    plan: DenoisePlan
    cut: bool
    noise: Array | None
    anchor: FrameInput | None
    next_state: ReuseState


class FramePreparer:
    """Prepares the frames of one animation in order; `open_frame` opens those that are finished."""

    def __init__(self, animation: AnimationRun, open_frame: Callable[[int], FrameInput]) -> None:
        self._animation = animation
        self._open_frame = open_frame
        self._before: tuple[FrameInput, ReuseState] | None = None
        self._anchor: FrameInput | None = None
        self._refiner = SourceRefiner(lambda index: surface_positions(open_frame(index).passes))
        self._kept_frames = KeptFrames(lambda index: frame_geometry(open_frame(index).passes, animation.scale))

    def restore(self, state: State, before: FrameInput) -> None:
        """Go on after the frame `before`, which left `state`."""
        self._before = before, from_arrays(state, frame_geometry(before.passes, self._animation.scale), before.index)

    def prepare(self, frame: FrameInput) -> PreparedFrame:
        """The next frame.

        Raises:
            RequestError: a pass is missing; names the frame.
        """
        prepared = self._prepare_frame(frame)
        self._before = frame, prepared.next_state
        return prepared

    def _prepare_frame(self, frame: FrameInput) -> PreparedFrame:
        geometry = frame_geometry(frame.passes, self._animation.scale)
        if self._before is None or frame.passes.cut or not self._has_motion(frame):
            return self._keyframe(frame, geometry, None, cut=frame.passes.cut)
        correspondence = find_correspondence(geometry, self._before[1].geometry)
        if 1 - float(correspondence.visible.mean()) > POLICY.cut_share:
            return self._keyframe(frame, geometry, None, cut=True)
        if not self._animation.reuses_pixels:
            return self._keyframe(frame, geometry, correspondence, cut=False)
        return self._reproject(frame, geometry, correspondence, *self._before)

    def _keyframe(
        self, frame: FrameInput, geometry: FrameGeometry, correspondence: Correspondence | None, *, cut: bool
    ) -> PreparedFrame:
        denoising = full_denoise_plan(geometry.size, self._animation.scale, limit=frame.settings.strength)
        return self._build(frame, geometry, correspondence, empty_sources(geometry.size), denoising, clock=0.0, cut=cut)

    def _reproject(
        self,
        frame: FrameInput,
        geometry: FrameGeometry,
        correspondence: Correspondence,
        earlier: FrameInput,
        before: ReuseState,
    ) -> PreparedFrame:
        animation, settings = self._animation, frame.settings
        own = np.ones(geometry.size, bool) if geometry.is_rest_space else is_static(geometry, before.geometry)
        sources = self._refiner.refine(reproject_sources(before.sources, correspondence), geometry, own)
        sources = without_moved_occluders(self._refiner.join_neighbours(sources, geometry, own), geometry)
        sources = self._kept_frames.find_reappeared(sources, geometry, before.kept_frames, own)
        clock = before.clock + settings_distance(settings, earlier.settings)
        denoising = self._denoise_plan(sources, before, clock, settings.strength)
        if denoising.full:
            # only then: what comes back may differ from what is there, and much changes anyway
            recent = [index for index in before.kept_frames if clock - before.clocks[index] <= POLICY.settings_change]
            sources = self._kept_frames.restore_oldest(sources, geometry, recent, own)
            denoising = self._denoise_plan(sources, before, clock, settings.strength)
        if not animation.request.reuse.start:
            denoising = replace(denoising, strength=np.full_like(denoising.strength, settings.strength))
        return self._build(frame, geometry, correspondence, sources, denoising, clock=clock, cut=False)

    def _build(
        self,
        frame: FrameInput,
        geometry: FrameGeometry,
        correspondence: Correspondence | None,
        sources: SourceMap,
        denoising: DenoisePlan,
        *,
        clock: float,
        cut: bool,
    ) -> PreparedFrame:
        before = self._before[1] if self._before is not None and correspondence is not None else None
        looks_back = denoising.full and self._animation.request.reuse.attention
        return PreparedFrame(
            frame=frame,
            geometry=geometry,
            correspondence=correspondence,
            sources=sources,
            plan=denoising,
            cut=cut,
            noise=self._noise(geometry),
            anchor=self._open(before.kept_frames[0]) if before is not None and looks_back else None,
            next_state=_state_after(frame.index, geometry, sources, denoising, clock, before),
        )

    def _denoise_plan(self, sources: SourceMap, before: ReuseState, clock: float, limit: float) -> DenoisePlan:
        age, animation = _age(sources, before.clocks, clock), self._animation
        return make_denoise_plan(
            sources, age, animation.scale, margin=animation.margin, limit=limit, backlog=before.backlog
        )

    def _has_motion(self, frame: FrameInput) -> bool:
        if frame.passes.motion is not None:
            return True
        if self._animation.reuses_pixels:
            hint = "render the Vector pass, or use Reuse(start=False, pin=False)"
            raise RequestError("passes", f"frame {frame.index}: has no motion", hint=hint)
        return False

    def _noise(self, geometry: FrameGeometry) -> Array | None:
        animation = self._animation
        if not animation.has_surface_noise(geometry):
            return None
        return surface_noise(geometry, seed_of(animation.request), latent_channels(animation.model), animation.scale)

    def _open(self, index: int) -> FrameInput:
        if self._anchor is None or self._anchor.index != index:
            self._anchor = self._open_frame(index)
        return self._anchor


def prefetch(items: Iterator[T]) -> Generator[T]:
    """`items`, each of them made in a thread of its own while what comes before it is used. An error comes in its turn."""
    end = object()
    with ThreadPoolExecutor(1, "sd_core-prepare") as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield item  # type: ignore[misc] - it is not the end


def _state_after(
    index: int,
    geometry: FrameGeometry,
    sources: SourceMap,
    denoising: DenoisePlan,
    clock: float,
    before: ReuseState | None,
) -> ReuseState:
    """The state after a frame."""
    sources = add_sources(
        sources,
        index,
        denoising.regenerated,
        confirmed=denoising.confirmed,
        occluder_id=geometry.occluder_id,
        occluder_distance=geometry.occluder_distance,
    )
    clocks = {index: clock} if before is None else {**before.clocks, index: clock}
    since = float(denoising.regenerated.mean()) + (0.0 if before is None else before.share_since_kept)
    kept = () if before is None else before.kept_frames
    if denoising.full and (since > POLICY.refresh_share or not kept):
        kept, since = thin_frames((*kept, index)), 0.0
    return ReuseState(geometry, sources, clocks, clock, kept, since, denoising.backlog).prune()


def _age(sources: SourceMap, clocks: Mapping[int, float], clock: float) -> Array:
    """(h, w) float32 in [0, 1]: how much the settings changed since each pixel was made."""
    age = np.zeros(sources.frame.shape, np.float32)
    for index, then in clocks.items():
        age[sources.frame == index] = clock - then
    return np.clip(age, 0, 1)
