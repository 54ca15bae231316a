"""Every tuned number by which frames of an animation are reused, with its unit, meaning and origin.

Lengths that follow from the reach of the autoencoder are in latents, so that they hold for every size of picture and of
latent; `ReusePolicy.px` gives them in px. What is compared with the passes of the renderer is in px of these.

Origins name what a number was measured on or follows from; "not recorded" is said where that was not written down when
the number was chosen. All together were judged by `tests/benchmarks/animation.py` at 128 px with the built-in model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T", int, float)

_NOT_RECORDED = "not recorded"


def tuned_number(default: T, unit: str, meaning: str, origin: str) -> T:
    """A field of the policy, with its description in its metadata."""
    metadata: dict[str, Any] = {"unit": unit, "meaning": meaning, "origin": origin}
    return field(default=default, metadata=metadata)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusePolicy:
    """The numbers; each field's metadata has `unit`, `meaning` and `origin`.

    Groups, in this order: geometry (which pixels show the same surface), sources (which of them may be reused), denoise plan
    (how far each latent is denoised), reappearance, surface noise, reference attention, repair.
    """

    match_tolerance: float = tuned_number(
        1.5, "pixel widths", "how far a surface point may lie from where it was and still be the same", _NOT_RECORDED
    )
    depth_edge_ratio: float = tuned_number(
        1.1, "ratio", "ratio of depths from which one surface lies behind the other", _NOT_RECORDED
    )
    outline_reach: float = tuned_number(
        1.0, "latents", "how far the colours of a nearer object reach over its outline",
        "one latent is what the decoder mixes first",
    )  # fmt: skip
    edge_width: float = tuned_number(
        8.0, "times the median pixel width", "difference of neighbours that is an edge and not a slope", _NOT_RECORDED
    )
    search_tolerance: float = tuned_number(
        0.5, "pixel widths", "how far a surface may miss a point and still show it", "half a pixel"
    )
    tangent_limit: float = tuned_number(
        4.0, "px", "distance beyond which a tangent of the surface is not followed", _NOT_RECORDED
    )
    tangent_doubt: float = tuned_number(
        0.25, "share of the distance", "miss of the tangent from which on the patches around are tried", _NOT_RECORDED
    )
    patch_iterations: int = tuned_number(
        4, "times", "alternations in which the two coordinates on a patch are solved", _NOT_RECORDED
    )
    refine_limit: float = tuned_number(
        2.0, "px", "largest correction of a source: further away lies another part of the surface", _NOT_RECORDED
    )
    refine_cache: int = tuned_number(
        48, "frames", "frames whose positions stay in memory for refining sources",
        "an orbit has 31 source frames; with fewer than that all are read again for each frame",
    )  # fmt: skip

    neighbour_limit: float = tuned_number(
        8.0,
        "px of the source frame a pixel",
        "step between the sources of neighbours that do not belong together",
        _NOT_RECORDED,
    )
    tear_limit: float = tuned_number(
        2.5, "px of the source frame a pixel", "step between the sources of neighbours across an edge", _NOT_RECORDED
    )
    stain_reach: float = tuned_number(
        0.375, "latents", "distance behind an outline within which the autoencoder mixes both sides",
        "dark marks next to the head of the occluder scene, enlarged",
    )  # fmt: skip
    outline_slack: float = tuned_number(
        0.125, "latents", "how far an outline may move before what it stained is left behind", "one px at 8 px a latent"
    )

    strength_seen: float = tuned_number(0.2, "share of the steps", "denoising where all was seen before", _NOT_RECORDED)
    strength_provisional: float = tuned_number(
        0.25, "share of the steps", "denoising where a sliver of new surface is filled in on the way", _NOT_RECORDED
    )
    strength_new: float = tuned_number(
        1.0, "share of the steps", "denoising where new surface is made well", "by definition"
    )
    hole_share: float = tuned_number(
        0.25, "share of a latent's pixels", "new pixels from which on a latent counts as new",
        "animation.py: one new pixel, or a band around the hole, costs far more warp error than it saves",
    )  # fmt: skip
    backlog_share: float = tuned_number(
        0.1, "share of the picture's latents", "provisional latents from which on a frame is run in full", _NOT_RECORDED
    )
    backlog_share_with_border: float = tuned_number(
        0.25, "share of all latents", "the same over all that is painted, extra border included", _NOT_RECORDED
    )
    border_lookahead: float = tuned_number(
        0.75,
        "latents",
        "how far beyond the picture its border counts to it, since it is about to be seen",
        _NOT_RECORDED,
    )
    backlog_patience: float = tuned_number(
        0.3, "share of the picture's latents, summed over frames", "provisional latents that have waited long enough",
        _NOT_RECORDED,
    )  # fmt: skip
    provisional_keep: float = tuned_number(
        0.5, "share", "how firmly provisional latents are kept until then", _NOT_RECORDED
    )
    core_share: float = tuned_number(
        0.5,
        "share of a latent's pixels",
        "new pixels from which on the neighbouring latents are generated with it",
        _NOT_RECORDED,
    )
    cut_share: float = tuned_number(
        0.6, "share of pixels", "new pixels from which on a frame is taken for a cut", _NOT_RECORDED
    )
    magnification_limit: float = tuned_number(
        1.3, "times", "magnification since a surface was made from which on it gets new detail", _NOT_RECORDED
    )
    magnification_soon: float = tuned_number(
        1.15, "times", "the same in a frame in which other surfaces get new detail anyway", _NOT_RECORDED
    )
    reduction_limit: float = tuned_number(
        4.0, "times", "reduction since a surface was made from which on it is made again", _NOT_RECORDED
    )
    renewal_strength: float = tuned_number(
        0.5, "share of the steps", "denoising for new detail; with more, other things take the place of what was there",
        _NOT_RECORDED,
    )  # fmt: skip
    settings_change: float = tuned_number(
        0.12, "share of a change of prompt", "change of the settings after which a surface is made again",
        "animation.py: half-life of one frame after a switch of the prompt",
    )  # fmt: skip
    renewal_share: float = tuned_number(
        0.03,
        "share of latents",
        "surfaces to be made again below which they wait for the next full frame",
        _NOT_RECORDED,
    )
    keep_weight: float = tuned_number(
        0.9,
        "share",
        "weight of the reference in the clean latents of what was seen; the rest lets defects heal",
        _NOT_RECORDED,
    )
    refresh_share: float = tuned_number(
        0.15,
        "share of a frame",
        "new surface since the last look-up of reappearance after which it is done again",
        _NOT_RECORDED,
    )

    kept_frames: int = tuned_number(
        24, "frames", "frames that are kept for surfaces that reappear; of more, the closest in time are thinned out",
        "bounds the memory of a run",
    )  # fmt: skip
    search_stride: int = tuned_number(
        2, "px", "distance of the surface points by which a kept frame is searched", _NOT_RECORDED
    )
    reappear_coarser: float = tuned_number(
        2.0, "times", "how much smaller a surface may have been seen in a kept frame", _NOT_RECORDED
    )
    reappear_finer: float = tuned_number(
        3.0, "times", "how much larger a surface may have been seen in a kept frame", _NOT_RECORDED
    )

    noise_cell: float = tuned_number(
        0.25, "latents", "smallest side of a cell of surface noise; cells are up to twice as large",
        "every latent owns several cells, so that its sum is normal",
    )  # fmt: skip

    reference_steps: float = tuned_number(
        0.25,
        "share of the steps",
        "first steps in which the reference frame is attended to: these settle the look",
        _NOT_RECORDED,
    )
    reference_tokens: int = tuned_number(
        32 * 32, "tokens", "largest attention layer that takes part",
        "all but the outermost of Stable Diffusion 1.5 at 512 px",
    )  # fmt: skip

    fill_pixels: int = tuned_number(
        64, "px", "known pixels of an object below which it tells nothing of the rest of it", _NOT_RECORDED
    )
    patch_border: float = tuned_number(
        0.125, "latents", "border of a patch of one source frame that is not trusted", "one px at 8 px a latent"
    )
    patch_fade: float = tuned_number(
        0.375, "latents", "distance over which restored detail fades out towards such a border", _NOT_RECORDED
    )
    patch_deep: float = tuned_number(
        0.5,
        "latents",
        "distance from such a border at which the autoencoder's error is that of the surface alone",
        _NOT_RECORDED,
    )
    error_quantile: float = tuned_number(
        0.95, "quantile", "quantile of the autoencoder's error deep inside patches that caps it everywhere",
        "next to seams the error is that of the seam; the largest belong to outlines, which would become too sharp",
    )  # fmt: skip
    agreement: float = tuned_number(
        0.12,
        "difference in [0, 1]",
        "difference from which on the picture no longer shows what the reference does",
        _NOT_RECORDED,
    )
    tone_blur: float = tuned_number(
        0.5, "latents", "deviation of the blur that separates tones from detail", _NOT_RECORDED
    )
    tone_fade: float = tuned_number(
        0.375, "latents", "distance over which tones are restored at the border of what was renewed", _NOT_RECORDED
    )
    detail_blur: float = tuned_number(1.0, "px", "deviation of the blur that takes the finest detail", _NOT_RECORDED)
    detail_limit: float = tuned_number(1.0, "share", "finest detail that is added to itself at most", _NOT_RECORDED)
    detail_magnification: float = tuned_number(
        1.4, "times", "magnification up to which missing detail is made up for", "above `magnification_limit`"
    )
    detail_power: int = tuned_number(
        4, "exponent", "power of the magnification by which the finest detail is strengthened",
        "the Laplacian falls with the square of a pattern's size, the coarser bands that fall too are left alone",
    )  # fmt: skip
    trusted_share: float = tuned_number(
        0.05, "share of pixels", "trusted pixels below which colours are not compared", _NOT_RECORDED
    )

    moving_share: float = tuned_number(
        0.01,
        "share of pixels",
        "pixels whose depth changes in a scene that moves, so that motion vectors are needed",
        _NOT_RECORDED,
    )

    @staticmethod
    def px(latents: float, scale: int) -> float:
        """A length in latents as px; `scale`: px to a latent."""
        return latents * scale

    @staticmethod
    def whole_px(latents: float, scale: int) -> int:
        """As `px`, rounded, and at least 1."""
        return max(round(latents * scale), 1)


POLICY = ReusePolicy()
"""The policy of every animation."""


def policy_table() -> str:
    """The policy as a table in Markdown, for the documentation."""
    rows = [
        f"| `{each.name}` | {each.default:g} | {each.metadata['unit']} | {each.metadata['meaning']} | {each.metadata['origin']} |"
        for each in fields(ReusePolicy)
    ]
    return "\n".join(["| Number | Value | Unit | Meaning | Origin |", "|---|---|---|---|---|", *rows])
