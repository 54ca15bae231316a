"""The frames of an animation, painted in order: each carries on what the frames before it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from sd_core.animation.births import Births, born, carried, gather, unborn, uncovered
from sd_core.animation.carry import Carried, from_arrays
from sd_core.animation.detail import restored
from sd_core.animation.figures import sharpness, warp_error
from sd_core.animation.fill import filled
from sd_core.animation.needs import CUT, Needs, everything, needs_of
from sd_core.animation.recall import Recall, thinned
from sd_core.animation.settings import distance
from sd_core.animation.store import FrameStore, State
from sd_core.animation.surface import Settler
from sd_core.animation.view import Matches, View, match, place_of, stands_still, view_of
from sd_core.diffusion.attention import AttentionBank, shared_attention
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean
from sd_core.diffusion.loop import OnStep
from sd_core.errors import RequestError
from sd_core.requests import DepthToImage, ImageToImage
from sd_core.values import Array

from .animation_attention import References
from .animation_frame import Frame, Run, condition_frame, decode_frame, plan_frame, request_of, run_plan
from .animation_start import Studio, plan_anew, plan_continued, strength_of
from .plan import Bench, Plan

_WORTH_KEEPING = 0.15
"""Share of a frame that must have been made anew since the last one in which surfaces are looked up again."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A frame: `image` (h, w, 3) float32 in [0, 1], overscan included; `state` for the next one; `stored` for the disk.

    wanted: frames whose stored images are still needed.
    """

    image: Array
    figures: dict[str, float]
    state: State
    stored: Array
    wanted: set[int]


@dataclass(frozen=True, slots=True)
class _Easel:
    """What is known before a frame is painted. matches: to the frame before; None: it does not follow from it."""

    frame: Frame
    view: View
    matches: Matches | None
    births: Births
    needs: Needs
    clock: float
    cut: bool


class Painter:
    """Paints the frames of one animation in order."""

    def __init__(self, studio: Studio, store: FrameStore, open_frame: Callable[[int], Frame]) -> None:
        self._studio = studio
        self._store = store
        self._before: tuple[Frame, Carried] | None = None
        self._references = References(studio, open_frame, store.image)
        self._settler = Settler(lambda index: place_of(open_frame(index).passes))
        self._recall = Recall(lambda index: view_of(open_frame(index).passes))

    def restore(self, state: Mapping[str, Array], before: Frame) -> None:
        """Go on after the frame `before`, which left `state`."""
        self._before = before, from_arrays(state, view_of(before.passes), before.index, self._store.image)

    def paint(self, frame: Frame, on_step: OnStep) -> Painted:
        """The next frame.

        Raises:
            RequestError: a pass is missing; names the frame.
        """
        easel = self._easel(frame)
        one = request_of(self._studio.request, frame, self._studio.margin)
        bench = self._studio.bench(frame.index)
        paint = self._anew if easel.matches is None or not self._studio.carries else self._continued
        image, run = paint(easel, one, bench, on_step)
        return self._finished(easel, image, run)

    def _easel(self, frame: Frame) -> _Easel:
        view, limit = view_of(frame.passes), frame.settings.strength
        whole = everything(view.size, self._studio.scale, limit=limit)
        anew = _Easel(frame, view, None, unborn(view.size), whole, 0.0, cut=frame.passes.cut)
        if self._before is None or frame.passes.cut or not self._has_motion(frame):
            return anew
        matches = match(view, self._before[1].view)
        if 1 - float(matches.seen.mean()) > CUT:
            return replace(anew, cut=True)
        return (
            self._continuing(anew, matches, *self._before) if self._studio.carries else replace(anew, matches=matches)
        )

    def _continuing(self, anew: _Easel, matches: Matches, earlier: Frame, before: Carried) -> _Easel:
        studio, view, settings = self._studio, anew.view, anew.frame.settings
        own = np.ones(view.size, bool) if view.rests else stands_still(view, before.view)
        births = self._settler.settled(carried(before.births, matches), view, own)
        births = uncovered(births, view)
        births = self._recall.recalled(births, view, before.kept, own)
        clock = before.clock + distance(settings, earlier.settings)
        age = _age(births, before.clocks, clock)
        needs = needs_of(births, age, studio.scale, margin=studio.margin, limit=settings.strength, owed=before.owed)
        if not studio.request.reuse.start:
            needs = replace(needs, strength=np.full_like(needs.strength, settings.strength))
        return replace(anew, matches=matches, births=births, needs=needs, clock=clock)

    def _has_motion(self, frame: Frame) -> bool:
        if frame.passes.motion is not None:
            return True
        if self._studio.carries:
            hint = "render the Vector pass, or use Reuse(start=False, pin=False)"
            raise RequestError("passes", f"frame {frame.index}: has no motion", hint=hint)
        return False

    def _anew(
        self, easel: _Easel, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep
    ) -> tuple[Array, Run]:
        plan = plan_anew(self._studio, easel.view, easel.frame.index, one, bench)
        run = self._run(plan, easel.frame, one, bench, on_step)
        return unit_image(decode_frame(run.latents, bench)), run

    def _continued(
        self, easel: _Easel, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep
    ) -> tuple[Array, Run]:
        """From the reference, in which every surface is sampled once from the frame in which it was made."""
        studio = self._studio
        reference = gather(easel.births, self._store.image)
        clean = encode_mean(studio.model, to_pixels(filled(reference, easel.births.made, easel.view)))
        noise = studio.noise(easel.view, easel.frame.index)
        plan = plan_continued(studio, plan_frame(one, bench), easel.needs, one, clean, noise)
        with self._looking_back(easel, one) as evaluations:
            run = self._run(plan, easel.frame, one, bench, on_step)
        run = replace(run, evaluations=run.evaluations + evaluations)
        image = unit_image(decode_frame(run.latents, bench))
        reuse = studio.request.reuse
        if reuse.servo or reuse.colour:
            again = unit_image(decode_frame(clean, bench))
            # what is made again in this frame is no measure of its colours
            held = replace(easel.births, firm=easel.births.firm & ~easel.needs.fresh)
            image = restored(image, reference, again, held, reuse, renewed=easel.needs.renewed)
        return image, run

    @contextmanager
    def _looking_back(self, easel: _Easel, one: DepthToImage | ImageToImage) -> Iterator[int]:
        """The first frame of the shot in the attention, where something new is made; gives the evaluations that it took."""
        if not (self._studio.request.reuse.attention and easel.needs.full and self._before is not None):
            yield 0
            return
        known = self._references.evaluations
        seen = self._references.seen(self._before[1].kept[0], strength_of(easel.needs, one))
        with shared_attention(self._studio.model.unet, AttentionBank(references=(seen,))):
            yield self._references.evaluations - known

    def _run(self, plan: Plan, frame: Frame, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep) -> Run:
        conditioning = condition_frame(one, plan, frame.settings.prompt, bench, self._studio.adapters, frame.size)
        return run_plan(plan, conditioning, one, bench, on_step)

    def _finished(self, easel: _Easel, image: Array, run: Run) -> Painted:
        index, needs = easel.frame.index, easel.needs
        # What later frames sample is what a resumed run reads from the disk: rounded.
        stored = image.astype(np.float16)
        births = born(easel.births, index, needs.fresh, firm=needs.firm, beside=easel.view.beside)
        before = self._before[1] if self._before is not None and easel.matches is not None else None
        clocks = {index: easel.clock} if before is None else {**before.clocks, index: easel.clock}
        figures = self._figures(easel, image, run)
        since = float(needs.fresh.mean()) + (0.0 if before is None else before.since)
        frames = () if before is None else before.kept
        if needs.full and (since > _WORTH_KEEPING or not frames):
            frames, since = thinned((*frames, index)), 0.0
        kept = Carried(
            easel.view, births, stored.astype(np.float32), clocks, easel.clock, frames, since, needs.owed
        ).pruned()
        self._before = easel.frame, kept
        return Painted(image, figures, kept.arrays(), stored, kept.wanted | {index})

    def _figures(self, easel: _Easel, image: Array, run: Run) -> dict[str, float]:
        inner = slice(self._studio.margin, -self._studio.margin or None)
        seen = easel.births.made & ~easel.needs.fresh
        figures = {
            "reused": float(seen[inner, inner].mean()),
            "evaluations": float(run.evaluations),
            "sharpness": sharpness(image[inner, inner]),
            "cut": float(easel.cut),
        }
        if easel.matches is not None and self._before is not None:
            offsets, matched = easel.matches.offsets[inner, inner], easel.matches.seen[inner, inner]
            error = warp_error(image[inner, inner], self._before[1].image[inner, inner], offsets, matched)
            figures |= {} if error is None else {"warp_error": error}
        return figures


def unit_image(pixels: Tensor) -> Array:
    """(h, w, 3) float32 in [0, 1] of decoded pixels (1, 3, h, w)."""
    return (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()


def _age(births: Births, clocks: Mapping[int, float], clock: float) -> Array:
    """(h, w) float32 in [0, 1]: how much the settings changed since each pixel was made."""
    age = np.zeros(births.frame.shape, np.float32)
    for index, then in clocks.items():
        age[births.frame == index] = clock - then
    return np.clip(age, 0, 1)
