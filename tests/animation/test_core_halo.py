"""Occluders: what lies right behind an outline, its halo, and the ghosts that must not stay."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
from scipy.ndimage import distance_transform_edt

from sd_core.animation.geometry.frame_geometry import FrameGeometry, find_correspondence, frame_geometry
from sd_core.animation.repair.disocclusion_fill import fill_disocclusions
from sd_core.animation.reuse.source_map import (
    add_sources,
    empty_sources,
    ghost_mask,
    halo_mask,
    reproject_sources,
    sample_sources,
    without_moved_occluders,
)
from sd_core.passes import FramePasses
from sd_core.requests import replace
from tests.animation import worlds

SIZE = 128
NOTHING = np.zeros((SIZE, SIZE), np.int64)


def crossing(index: int) -> FrameGeometry:
    return frame_geometry(worlds.occluder(6, SIZE)[index])


def test_what_a_thing_covers_the_edge_of_lies_next_to_something_nearer() -> None:
    here = crossing(1)
    near_outline = here.occluder_id != 0
    box = np.asarray(here.passes.object_id) == 2
    gap = distance_transform_edt(~box)
    assert not near_outline[box].any()
    assert near_outline[(gap > 0) & (gap <= 6)].all()
    assert not near_outline[gap > 12].any()
    assert set(np.unique(here.occluder_id)) == {0, 3}, "the box has the id 2"
    assert np.abs(here.occluder_distance - (gap - 1))[near_outline].max() < 1
    assert not here.occluder_distance[~near_outline].any()


def test_a_steep_slope_is_no_outline() -> None:
    closeness = np.tile(np.linspace(1.0, 0.02, SIZE)[:, None], (1, SIZE))
    floor = replace(worlds.pan(1, SIZE)[0], depth=(1 / closeness).astype(np.float32), object_id=None)
    assert not frame_geometry(floor).occluder_id.any()


def test_what_was_made_next_to_an_outline_is_forgotten_once_it_stands_apart() -> None:
    whole = np.ones((SIZE, SIZE), bool)
    first, second = crossing(4), crossing(5)
    sources = add_sources(
        empty_sources((SIZE, SIZE)),
        4,
        whole,
        confirmed=whole,
        occluder_id=first.occluder_id,
        occluder_distance=first.occluder_distance,
    )
    moved = reproject_sources(sources, find_correspondence(second, first))
    left = without_moved_occluders(moved, second)
    forgotten = moved.has_source & ~left.has_source
    assert forgotten.any()
    assert not (forgotten & (second.occluder_id != 0)).any()
    assert not without_moved_occluders(sources, first).frame[sources.has_source].min() < 0, (
        "a still picture keeps everything"
    )


def horizon(*, box: bool) -> FrameGeometry:
    """Half sky, half floor, and a box in front of both or not."""
    depth, ids = np.full((SIZE, SIZE), np.inf, np.float32), np.zeros((SIZE, SIZE), np.uint32)
    depth[SIZE // 2 :], ids[SIZE // 2 :] = 5.0, 1
    if box:
        depth[SIZE // 4 : -SIZE // 4, : SIZE // 4], ids[SIZE // 4 : -SIZE // 4, : SIZE // 4] = 2.0, 2
    return frame_geometry(FramePasses(depth=depth, object_id=ids))


def test_the_outline_that_stays_does_not_keep_what_was_made_next_to_the_one_that_went() -> None:
    whole = np.ones((SIZE, SIZE), bool)
    there, gone = horizon(box=True), horizon(box=False)
    sources = add_sources(
        empty_sources((SIZE, SIZE)),
        0,
        whole,
        confirmed=whole,
        occluder_id=there.occluder_id,
        occluder_distance=there.occluder_distance,
    )
    forgotten = sources.has_source & ~without_moved_occluders(sources, gone).has_source
    row, column = SIZE // 2 - 2, SIZE // 4  # in the sky, beside the box as well as the floor
    assert forgotten[row, column] and not forgotten[row, -1]
    assert gone.occluder_id[row, column] == gone.occluder_id[row, -1] == 2
    back = add_sources(
        empty_sources((SIZE, SIZE)),
        0,
        whole,
        confirmed=whole,
        occluder_id=gone.occluder_id,
        occluder_distance=gone.occluder_distance,
    )
    covered = np.asarray(there.passes.object_id) == 2
    assert without_moved_occluders(back, there).has_source[~covered].all(), (
        "what comes in front of the floor's outline does not take it away"
    )


def test_a_hole_behind_a_thing_is_filled_from_what_lies_behind_it() -> None:
    here = crossing(1)
    box = np.asarray(here.passes.object_id) == 2
    reference = np.where(box[..., None], np.float32((1, 0, 0)), np.float32((0, 0, 1))).astype(np.float32)
    gap = distance_transform_edt(~box)
    hole = (gap > 0) & (gap < 8)
    colour = fill_disocclusions(reference * ~hole[..., None], ~hole, np.zeros_like(hole), here.objects)
    assert np.abs(colour - reference).max() < 0.01


def test_what_is_in_the_halo_of_an_outline_does_not_stay_behind_as_its_ghost() -> None:
    whole, first, last = np.ones((SIZE, SIZE), bool), crossing(3), crossing(5)
    box, later = (np.asarray(geometry.passes.object_id) == 2 for geometry in (first, last))
    picture = np.where(box[..., None], np.float32(0), np.float32(0.8)).repeat(3, -1)
    halo = ~box & (first.occluder_id != 0) & (first.occluder_distance < 2)
    picture[halo] = 0.3
    sources = add_sources(
        empty_sources((SIZE, SIZE)),
        3,
        whole,
        confirmed=whole,
        occluder_id=first.occluder_id,
        occluder_distance=first.occluder_distance,
    )
    assert not ghost_mask(sources, first).any(), "beside the outline they belong to it"
    provisional = dataclasses.replace(sources, confirmed=~whole)
    assert halo_mask(provisional)[halo].all() and np.array_equal(ghost_mask(provisional, first), halo_mask(provisional))
    for before, here in pairwise(crossing(index) for index in (3, 4, 5)):
        sources = reproject_sources(sources, find_correspondence(here, before))
    reference = sample_sources(sources, lambda _: picture)
    ghost = ~later & sources.has_source & (reference[..., 0] < 0.5) & (last.occluder_distance > 3)
    assert ghost.sum() > SIZE / 8, "the outline has moved on"
    known = sources.has_source & ~ghost_mask(sources, last)
    undone = fill_disocclusions(reference, known, halo_mask(sources), last.objects)
    assert np.abs(undone[ghost] - 0.8).max() < 0.01
    assert np.array_equal(undone[known], reference[known])
