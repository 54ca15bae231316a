"""What a frame needs: little where all was seen, much where something is new, and never for the sake of a sliver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from sd_core.animation.policy import POLICY
from sd_core.animation.repair.metrics import laplacian
from sd_core.animation.repair.vae_compensation import compensate_round_trip
from sd_core.animation.reuse.denoise_plan import DenoisePlan, make_denoise_plan
from sd_core.animation.reuse.source_map import SourceMap, add_sources, empty_sources, sample_sources
from sd_core.requests import Reuse
from sd_core.values import Array

SIZE = (128, 128)
NOTHING = np.zeros(SIZE, np.uint8)
ONE = np.zeros(SIZE, np.int64)


def made(holes: Array | None = None, provisional: Array | None = None) -> SourceMap:
    whole = np.ones(SIZE, bool)
    sources = add_sources(
        empty_sources(SIZE),
        0,
        whole if holes is None else ~holes,
        confirmed=whole,
        occluder_id=NOTHING,
        occluder_distance=NOTHING,
    )
    return sources if provisional is None else replace(sources, confirmed=sources.confirmed & ~provisional)


def denoising(sources: SourceMap, age: float = 0.0, **options: float) -> DenoisePlan:
    given = {"margin": 0, "limit": 1.0, "backlog": 0.0} | options
    return make_denoise_plan(sources, np.full(SIZE, age, np.float32), 8, **given)  # type: ignore[arg-type]


def strip(width: int, at: int = 64) -> Array:
    where = np.zeros(SIZE, bool)
    where[:, at : at + width] = True
    return where


NOWHERE = np.zeros(SIZE, bool)


def test_where_all_was_seen_a_frame_starts_late_and_nothing_is_made() -> None:
    found = denoising(made())
    assert (found.strength == np.float32(POLICY.strength_seen)).all() and (found.keep == 1).all()
    assert not found.full and not found.regenerated.any()


def test_a_sliver_is_filled_in_on_the_way_and_stays_loose() -> None:
    found = denoising(made(holes=strip(2)))
    assert not found.full and found.largest_strength == np.float32(POLICY.strength_provisional)
    assert np.array_equal(found.regenerated, strip(2)) and not found.confirmed.any()


def test_a_sliver_does_not_free_the_good_surface_around_it() -> None:
    found = denoising(made(holes=strip(1)))
    others = np.delete(found.keep, 8, axis=1)
    assert (others == 1).all() and (found.keep[:, 8] == 0.5).all()


def test_when_the_backlog_is_large_it_is_made_well() -> None:
    found = denoising(made(holes=strip(8), provisional=strip(8, at=72)))
    assert found.full and found.largest_strength == np.float32(POLICY.strength_new)
    assert found.confirmed[:, 64:80].all() and np.array_equal(found.regenerated, strip(32, at=56))


def test_where_much_is_new_it_is_made_with_what_lies_next_to_it() -> None:
    found = denoising(made(holes=strip(12)))
    around = strip(32, at=56)
    assert found.full and np.array_equal(found.regenerated, around) and np.array_equal(found.confirmed, around)
    assert (found.strength[:, 7:11] == np.float32(POLICY.strength_new)).all() and (
        found.strength[:, 6] < np.float32(POLICY.strength_new)
    ).all()
    assert (found.keep[:, 7:11] == 0).all() and (found.keep[:, 6] == 0.5).all() and (found.keep[:, :5] == 1).all()


def test_a_little_is_made_well_without_what_lies_next_to_it() -> None:
    little = strip(8) & (np.arange(SIZE[0]) < 32)[:, None]
    found = denoising(made(holes=little), backlog=1.0)
    assert found.full and np.array_equal(found.regenerated, little) and np.array_equal(found.confirmed, little)


def test_a_little_that_is_in_the_backlog_for_long_is_made_well_too() -> None:
    little = made(holes=strip(8, at=64) & (np.arange(SIZE[0]) < 32)[:, None])
    backlog, frames = 0.0, 0
    while not (found := denoising(little, backlog=backlog)).full:
        backlog, frames = found.backlog, frames + 1
    assert 4 < frames < 40 and found.backlog == 0
    assert denoising(made(holes=strip(1)), backlog=0.0).backlog == 0, "a sliver is no debt"


def test_slivers_stay_loose_even_in_a_frame_that_is_run_in_full() -> None:
    found = denoising(made(holes=strip(8) | strip(8, at=72) | strip(1, at=17)))
    assert found.full and found.regenerated[:, 17].all()
    assert not found.confirmed[:, 17].any() and found.confirmed[:, 64:80].all()


def test_what_lies_far_out_in_the_overscan_can_wait() -> None:
    outside = made(holes=strip(16, at=0))
    assert denoising(outside).full and not denoising(outside, margin=24).full


def test_other_settings_make_everything_again() -> None:
    found = denoising(made(), age=1.0)
    assert (found.strength == 1).all() and (found.keep == 0).all() and found.regenerated.all() and found.confirmed.all()


def test_no_latent_is_run_further_than_the_request_says() -> None:
    assert denoising(made(holes=strip(32)), limit=0.5).largest_strength == 0.5


def test_lost_detail_comes_back_but_changes_stay() -> None:
    generator = np.random.default_rng(0)
    reference = (0.4 + 0.2 * generator.random((*SIZE, 3))).astype(np.float32)
    again = np.full_like(reference, 0.5)
    changed = again.copy()
    changed[:, 64:] = (0.9, 0.1, 0.1)
    result = compensate_round_trip(changed, reference, again, made(), Reuse(), renewed=NOWHERE, objects=ONE)
    assert np.abs(result[:, :60] - reference[:, :60]).max() < 0.02
    assert np.abs(result[:, 68:] - changed[:, 68:]).max() < 0.02


def test_a_seam_of_two_sources_is_not_put_back() -> None:
    right = np.arange(SIZE[1]) >= 64
    detail = 0.04 * np.random.default_rng(0).random((*SIZE, 1)).astype(np.float32)
    reference = (np.where(right, 0.65, 0.35)[None, :, None] + detail).astype(np.float32).repeat(3, -1)
    again = gaussian_filter(reference, (0, 3, 0))
    sources = made()
    two = replace(sources, frame=right.astype(np.int32)[None].repeat(SIZE[0], 0))
    result = compensate_round_trip(again, reference, again, two, Reuse(), renewed=NOWHERE, objects=ONE)

    def step(picture: Array) -> float:
        means = picture.mean((0, 2))
        return float(np.abs(np.diff(means))[56:72].max())

    assert step(again) < 0.05 and step(result) < 1.2 * step(again)
    assert np.abs(result - reference)[:, :40].max() < 0.01


def test_detail_comes_back_between_many_sources_too() -> None:
    reference = (0.3 + 0.4 * np.random.default_rng(0).random((*SIZE, 3))).astype(np.float32)
    again = gaussian_filter(reference, (0.7, 0.7, 0))
    sources, torn = made(), np.arange(SIZE[1]) >= 64
    frame = np.where(torn, np.arange(SIZE[1]) % 2, 0)[None].repeat(SIZE[0], 0).astype(np.int32)
    patched = replace(sources, frame=frame)
    result = compensate_round_trip(again, reference, again, patched, Reuse(), renewed=NOWHERE, objects=ONE)

    def energy(picture: Array) -> float:
        return float(laplacian(picture[:, 72:]).var())

    assert 1.5 * energy(again) < energy(result) < 1.1 * energy(reference)
    assert np.abs(result.mean() - reference.mean()) < 0.01


def test_a_surface_that_is_seen_larger_gets_back_half_of_the_sharpness_that_it_lost() -> None:
    times, generator = 1.25, np.random.default_rng(0)
    pattern = gaussian_filter(generator.random((*SIZE, 1)).astype(np.float32), (2, 2, 0)).repeat(3, -1)
    pattern = 0.5 + (pattern - pattern.mean()) * np.float32(0.1 / pattern.std())
    sources = made()
    larger = replace(sources, xy=sources.xy / np.float32(times))
    reference = sample_sources(larger, lambda _: pattern)
    result = compensate_round_trip(reference, reference, reference, larger, Reuse(), renewed=NOWHERE, objects=ONE)

    def energy(picture: Array) -> float:
        return float(laplacian(picture[8:-8, 8:-8]).var())

    lost = energy(pattern) - energy(reference)
    assert lost > 0.5 * energy(pattern) and 0.5 * lost < energy(result) - energy(reference) < lost
    same = compensate_round_trip(pattern, pattern, pattern, made(), Reuse(), renewed=NOWHERE, objects=ONE)
    assert np.abs(same - pattern).max() < 1e-6, "what is seen as large as it was stays as it is"


def test_a_drift_of_all_colours_is_undone() -> None:
    reference = np.full((*SIZE, 3), 0.5, np.float32)
    drifted = reference + np.float32(0.05)
    undone = compensate_round_trip(
        drifted, reference, reference, made(), Reuse(servo=False), renewed=NOWHERE, objects=ONE
    )
    assert np.abs(undone - reference).max() < 1e-3
    as_it_was = compensate_round_trip(
        drifted, reference, reference, made(), Reuse(servo=False, colour=False), renewed=NOWHERE, objects=ONE
    )
    assert np.array_equal(as_it_was, drifted)


def test_each_object_has_its_own_drift_undone_and_one_that_is_hardly_known_the_mean() -> None:
    objects = np.zeros(SIZE, np.int64)
    objects[:, 64:], objects[60:64, 60:64] = 1, 2
    reference = np.float32((0.5, 0.1, 0.3))[objects][..., None].repeat(3, -1)
    drift = np.float32((-0.02, 0.04, 0.0))[objects][..., None]
    undone = compensate_round_trip(
        reference + drift, reference, reference, made(), Reuse(servo=False), renewed=NOWHERE, objects=objects
    )
    assert np.abs(undone - reference)[objects < 2].max() < 1e-5
    assert np.allclose((undone - reference)[objects == 2], -drift.mean(), atol=1e-3)


def test_new_detail_keeps_the_tones_that_were_there() -> None:
    reference = np.full((*SIZE, 3), 0.5, np.float32)
    detail = np.where(np.indices(SIZE).sum(0) % 2 == 0, 0.1, -0.1).astype(np.float32)[..., None]
    renewed = strip(48, at=40)
    image = np.where(renewed[..., None], reference + detail + np.float32(0.2), reference)
    provisional = made(provisional=renewed)
    kept = compensate_round_trip(image, reference, reference, provisional, Reuse(), renewed=renewed, objects=ONE)
    inner = slice(56, 72)
    assert np.abs(kept[:, inner] - (reference + detail)[:, inner]).max() < 0.02
    assert np.abs(kept[:, :40] - reference[:, :40]).max() < 1e-3
    changed = compensate_round_trip(
        image, reference, reference, provisional, Reuse(colour=False), renewed=renewed, objects=ONE
    )
    assert np.array_equal(changed[:, inner], image[:, inner])


def grown(times: float) -> SourceMap:
    """A surface that is seen so many times larger than when it was made."""
    sources = made()
    return replace(sources, xy=(sources.xy / np.float32(times)).astype(np.float32))


def test_what_has_come_much_nearer_is_given_new_detail() -> None:
    assert not denoising(grown(1.2)).renewed.any()
    found = denoising(grown(1.5))
    assert found.renewed.all() and found.confirmed.all() and not found.full
    assert POLICY.strength_seen < found.largest_strength < POLICY.strength_new


def test_new_detail_comes_to_surfaces_together() -> None:
    near, soon = grown(1.5), grown(1.25)
    left = np.arange(SIZE[1]) < 32
    both = replace(near, xy=np.where(left[None, :, None], near.xy, soon.xy))
    assert denoising(both).renewed[:, 40:].all()


def test_other_settings_give_no_detail_but_another_surface() -> None:
    assert not denoising(grown(1.5), age=1.0).renewed.any()
