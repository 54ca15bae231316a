"""Motion maps: signs, visibility, and the source map, against worlds in which all is known; and what breaks them."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from sd_core.animation.geometry.frame_geometry import FrameGeometry, find_correspondence, frame_geometry
from sd_core.animation.geometry.sampling import bilinear, pixel_grid, spline
from sd_core.animation.geometry.surface_search import follow_surface
from sd_core.animation.repair.metrics import laplacian
from sd_core.animation.reuse.reappearance import KeptFrames, thin_frames
from sd_core.animation.reuse.refine_sources import SourceRefiner
from sd_core.animation.reuse.source_map import (
    NEVER,
    SourceMap,
    add_sources,
    empty_sources,
    reproject_sources,
    sample_sources,
)
from sd_core.passes import FramePasses, PositionSpace, project
from sd_core.requests import replace
from sd_core.values import Array
from tests.animation import worlds

SIZE = 128


def place_in(here: FrameGeometry, other: FramePasses) -> Array:
    """Where the (still) surface points of a view lie in another frame, px, pixel centres at whole numbers."""
    assert other.camera is not None and here.position is not None
    return project(here.position, other.camera)[0] - 0.5


def overlap(one: Array, other: Array) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    "path", [[(0.1 * i, 0.0, 0.0) for i in range(3)], [(0.0, 0.1 * i, 0.05 * i) for i in range(3)]]
)
def test_points_are_found_where_they_were_to_a_hundredth_of_a_pixel(path: list[tuple[float, float, float]]) -> None:
    before, here = (frame_geometry(worlds.frame(index, path, size=SIZE)) for index in (0, 1))
    found = find_correspondence(here, before)
    assert np.abs(found.xy - place_in(here, before.passes))[found.visible].max() < 0.01
    assert found.visible.mean() > 0.9


def crossing(index: int) -> FrameGeometry:
    return frame_geometry(worlds.occluder(6, SIZE)[index])


def visible_before(index: int) -> Array:
    """What analysis says: a point of frame `index` was not behind the box a frame ago, and in the picture."""
    here, before = worlds.occluder(6, SIZE)[index], worlds.occluder(6, SIZE)[index - 1]
    assert here.object_id is not None and here.motion is not None and before.object_id is not None
    places = pixel_grid(SIZE, SIZE) + here.motion[..., :2] * np.array([1, -1], np.float32)
    inside = (places >= -0.5).all(-1) & (places <= SIZE - 0.5).all(-1)
    share = bilinear((before.object_id == 2).astype(np.float32)[..., None], places)[..., 0]
    return inside & np.where(here.object_id == 2, share >= 0.5, share < 0.5)


def test_what_was_visible_is_found_as_analysis_says() -> None:
    for index in range(1, 5):
        assert overlap(find_correspondence(crossing(index), crossing(index - 1)).visible, visible_before(index)) >= 0.98


def test_swapped_signs_are_noticed() -> None:
    frames = worlds.pan(3, SIZE, pixels=4)
    assert frames[1].motion is not None
    swapped = replace(frames[1], motion=-np.asarray(frames[1].motion))
    assert find_correspondence(frame_geometry(frames[1]), frame_geometry(frames[0])).visible.mean() > 0.9
    assert find_correspondence(frame_geometry(swapped), frame_geometry(frames[0])).visible.mean() < 0.1


def test_shuffled_identities_are_noticed() -> None:
    ids = np.random.default_rng(0).permutation(np.asarray(crossing(1).passes.object_id).ravel()).reshape(SIZE, SIZE)
    shuffled = frame_geometry(replace(crossing(1).passes, object_id=ids))
    assert overlap(find_correspondence(shuffled, crossing(0)).visible, visible_before(1)) < 0.98


NOTHING = np.zeros((SIZE, SIZE), np.int64)


def test_the_source_map_stays_exact_over_many_frames() -> None:
    frames = worlds.pan(30, SIZE)
    whole = np.ones((SIZE, SIZE), bool)
    sources, before = (
        add_sources(
            empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
        ),
        frame_geometry(frames[0]),
    )
    for frame in frames[1:]:
        here = frame_geometry(frame)
        sources, before = reproject_sources(sources, find_correspondence(here, before)), here
    exact = place_in(before, frames[0])
    assert sources.has_source.mean() > 0.3
    assert np.abs(sources.xy - exact)[sources.has_source].max() < 0.01


def relief(index: int) -> FrameGeometry:
    """A wall with steep relief, seen by a camera that swings to and fro."""
    path = [(0.6 * float(np.sin(0.3 * step)), 0.2 * float(np.sin(0.2 * step)), 0.0) for step in range(index + 2)]
    posts = tuple(worlds.Box(x, x + 0.25, y, y + 0.25, -3.5, 0.0, 2) for x in (-0.9, -0.2, 0.5) for y in (-0.8, 0.4))
    return frame_geometry(worlds.frame(index, path, posts, size=SIZE))


def test_places_stay_exact_however_long_a_shot_is() -> None:
    whole = np.ones((SIZE, SIZE), bool)
    sources, before = (
        add_sources(
            empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
        ),
        relief(0),
    )
    refiner, chained = SourceRefiner(lambda index: relief(index).position), sources
    for index in range(1, 60):
        here = relief(index)
        found = find_correspondence(here, before)
        sources, chained = (
            refiner.refine(reproject_sources(sources, found), here, whole),
            reproject_sources(chained, found),
        )
        before = here
    gap = np.linalg.norm(sources.xy - place_in(before, relief(0).passes), axis=-1)
    assert sources.has_source.mean() > 0.3
    assert gap[sources.has_source].max() < 0.02
    other = np.linalg.norm(chained.xy - place_in(before, relief(0).passes), axis=-1)
    assert other[chained.has_source].max() > 0.02, "vectors alone lead astray"


def test_what_vectors_lose_at_edges_is_found_with_its_neighbours() -> None:
    whole = np.ones((SIZE, SIZE), bool)
    start = add_sources(
        empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
    )
    refiner = SourceRefiner(lambda index: relief(index).position)

    def after(frames: int, *, joined: bool) -> tuple[SourceMap, FrameGeometry]:
        sources, before = start, relief(0)
        for index in range(1, frames):
            here = relief(index)
            sources = refiner.refine(reproject_sources(sources, find_correspondence(here, before)), here, whole)
            sources, before = refiner.join_neighbours(sources, here, whole) if joined else sources, here
        return sources, before

    sources, last = after(24, joined=True)
    gap = np.linalg.norm(sources.xy - place_in(last, relief(0).passes), axis=-1)
    assert np.percentile(gap[sources.has_source], 99) < 0.02 and gap[sources.has_source].max() <= 0.5
    assert not sources.has_source.all(), "what the posts hid in the first frame is new"
    assert sources.has_source.mean() > 1.15 * after(24, joined=False)[0].has_source.mean()


def test_every_pixel_that_was_lost_is_found_where_it_was_unless_its_neighbours_are_another_object() -> None:
    whole, here = np.ones((SIZE, SIZE), bool), relief(1)
    carried_on = reproject_sources(
        add_sources(
            empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
        ),
        find_correspondence(here, relief(0)),
    )
    lost = carried_on.has_source & (np.random.default_rng(3).random((SIZE, SIZE)) < 0.1)
    holed = dataclasses.replace(
        carried_on, frame=np.where(lost, np.int32(NEVER), carried_on.frame), confirmed=carried_on.confirmed & ~lost
    )
    refiner = SourceRefiner(lambda index: relief(index).position)
    found = refiner.join_neighbours(holed, here, whole)
    assert found.has_source[lost].all() and found.confirmed[lost].all()
    assert np.abs(found.xy - carried_on.xy)[lost].max() < 0.01
    ids = np.where(lost, np.int64(9), here.passes.object_id)
    alone = lost & ~binary_dilation(lost, np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]))
    apart = refiner.join_neighbours(holed, frame_geometry(replace(here.passes, object_id=ids)), whole)
    assert alone.any() and not apart.has_source[alone].any()


def test_points_next_to_a_crest_are_found_on_their_own_side() -> None:
    crest = 7.3
    rows, columns = np.mgrid[0:16, 0:16].astype(np.float32)
    place = np.stack([columns, rows, 4 * np.abs(columns - crest)], -1)
    at = np.array([[x, 8] for x in (5, 6, 9, 10)])
    point = np.array(
        [[x + d, 8.2, 4 * abs(x + d - crest)] for (x, _), d in zip(at, (0.4, 0.3, -0.3, 0.4), strict=True)]
    )
    found, missed = follow_surface(place, point, at)
    assert np.abs(found - point[:, :2]).max() < 0.01 and missed.max() < 0.01
    # one pixel before the crest the nearer neighbour lies on its slope, one behind it the other way round
    beyond = np.array([[7, 8], [8, 8]])
    found, missed = follow_surface(place, np.array([[6.6, 8.0, 2.8], [8.4, 8.0, 4.4]]), beyond)
    assert np.abs(found[:, 0] - [6.6, 8.4]).max() < 0.05 and missed.max() < 0.05


def test_a_point_that_no_pixel_shows_misses_every_patch() -> None:
    rows, columns = np.mgrid[0:16, 0:16].astype(np.float32)
    place = np.where(columns[..., None] < 8, np.stack([columns, rows, 0 * rows], -1), np.float32(np.nan))
    found, missed = follow_surface(place, np.array([[9.5, 8.0, 0.0], [7.2, 8.0, 3.0]]), np.array([[7, 8], [7, 8]]))
    assert missed[0] > 1 and missed[1] > 1 and (np.abs(found - [7, 8]) <= 1).all()


def test_positions_that_another_surface_has_are_forgotten() -> None:
    here, whole = relief(0), np.ones((SIZE, SIZE), bool)
    sources = add_sources(
        empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
    )
    wrong = replace_place(sources, sources.xy + np.float32(20))
    left = SourceRefiner(lambda index: here.position).refine(wrong, here, whole)
    assert left.has_source.mean() < 0.02 and not left.confirmed[~left.has_source].any()
    assert np.array_equal(SourceRefiner(lambda index: here.position).refine(sources, here, whole).xy, sources.xy)


def test_what_moves_through_the_world_is_left_where_its_vectors_led() -> None:
    world = frame_geometry(replace(relief(1).passes, position_space=PositionSpace.WORLD))
    whole = np.ones((SIZE, SIZE), bool)
    sources = add_sources(
        empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
    )
    moved = replace_place(sources, sources.xy + np.float32(0.7))
    still = np.arange(SIZE)[None].repeat(SIZE, 0) < SIZE // 2
    left = SourceRefiner(lambda index: world.position).refine(moved, world, still)
    assert np.array_equal(left.xy[~still], moved.xy[~still])
    known = still & (np.abs(left.xy - sources.xy).max(-1) < 0.01)
    assert known[:, 2 : SIZE // 2].mean() > 0.95
    assert left.has_source.all(), "positions in the world tell of no other surface"


def replace_place(sources: SourceMap, place: Array) -> SourceMap:
    return dataclasses.replace(sources, xy=place.astype(np.float32))


def test_a_surface_that_comes_back_is_found_where_it_was_made() -> None:
    path = [(0.0, 0.0, 0.0), (0.4, 0.1, -0.3)]
    there, here = (worlds.frame(index, path, (BOX,), size=SIZE) for index in (0, 1))
    views = {0: frame_geometry(there), 1: frame_geometry(here)}
    everywhere = np.ones((SIZE, SIZE), bool)
    found = KeptFrames(views.__getitem__).find_reappeared(empty_sources((SIZE, SIZE)), views[1], (0,), everywhere)
    exact = place_in(views[1], there)
    assert np.abs(found.xy - exact)[found.has_source].max() < 0.05
    inside = (exact >= 0).all(-1) & (exact <= SIZE - 1).all(-1)
    hidden = (np.asarray(here.object_id) == 1) & inside & (box_before(exact, there))
    # what stood beside the box there, and stands apart here, had the colours of the box
    near_outline = bilinear((views[0].occluder_id != 0).astype(np.float32)[..., None], exact)[..., 0] >= 0.5
    hidden |= inside & near_outline & (views[1].occluder_id == 0)
    assert overlap(found.has_source, inside & ~hidden) >= 0.98


def test_a_surface_that_was_made_since_goes_back_to_the_oldest_frame_that_shows_it_as_well() -> None:
    path = [(0.4, 0.1, 0.0), (0.2, 0.0, 0.0), (0.0, 0.0, 0.0)]
    views = {index: frame_geometry(worlds.frame(index, path, (BOX,), size=SIZE)) for index in range(3)}
    whole = np.ones((SIZE, SIZE), bool)
    provisional = whole & (np.arange(SIZE) < SIZE // 2)[:, None]
    sources = add_sources(
        empty_sources((SIZE, SIZE)), 2, whole, confirmed=~provisional, occluder_id=NOTHING, occluder_distance=NOTHING
    )
    found = KeptFrames(views.__getitem__).restore_oldest(sources, views[2], (0, 1, 2), whole)
    exact, old = place_in(views[2], views[0].passes), found.frame == 0
    assert old.mean() > 0.3 and np.abs(found.xy - exact)[old].max() < 0.05
    assert (found.frame[provisional] == 2).all(), "what has no context is no surface yet"
    seen = (exact >= 1).all(-1) & (exact <= SIZE - 2).all(-1)
    assert not (old & ~binary_dilation(seen, iterations=2)).any() and found.has_source.all()
    assert np.array_equal(
        KeptFrames(views.__getitem__).restore_oldest(sources, views[2], (2,), whole).frame, sources.frame
    )


@pytest.mark.parametrize(("step", "goes_back"), [(-0.6, False), (0.6, True)])
def test_a_surface_does_not_go_back_to_where_it_was_smaller(step: float, goes_back: bool) -> None:
    path = [(0.0, 0.0, 0.0), (0.0, 0.0, step)]
    views = {index: frame_geometry(worlds.frame(index, path, size=SIZE)) for index in range(2)}
    whole = np.ones((SIZE, SIZE), bool)
    sources = add_sources(
        empty_sources((SIZE, SIZE)), 1, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
    )
    found = KeptFrames(views.__getitem__).restore_oldest(sources, views[1], (0, 1), whole)
    share = float((found.frame == 0).mean())
    assert share > 0.3 if goes_back else share == 0


BOX = worlds.Box(-0.5, 0.5, -0.5, 0.5, -2.5, 0.0, 2)


def box_before(places: Array, frame: FramePasses) -> Array:
    """(h, w) bool: places of a frame at which it shows the box."""
    return bilinear((np.asarray(frame.object_id) == 2).astype(np.float32)[..., None], places)[..., 0] >= 0.5


def test_sampling_once_keeps_detail_that_iterated_warps_lose() -> None:
    frames = [frame_geometry(frame) for frame in worlds.pan(20, SIZE, pixels=0.37)]
    picture = np.random.default_rng(1).random((SIZE, SIZE, 3), np.float32)
    whole = np.ones((SIZE, SIZE), bool)
    sources, warped = (
        add_sources(
            empty_sources((SIZE, SIZE)), 0, whole, confirmed=whole, occluder_id=NOTHING, occluder_distance=NOTHING
        ),
        picture,
    )
    for before, here in pairwise(frames):
        found = find_correspondence(here, before)
        sources = reproject_sources(sources, found)
        warped = bilinear(warped, found.xy)
    inner = slice(12, -12)
    once = laplacian(sample_sources(sources, lambda _: picture)[inner, inner]).var() / laplacian(picture).var()
    often = laplacian(warped[inner, inner]).var() / laplacian(picture).var()
    assert once > 0.2 and often < 0.02


def test_looking_up_between_pixels_keeps_detail() -> None:
    picture = np.random.default_rng(1).random((SIZE, SIZE, 3), np.float32)
    places = pixel_grid(SIZE, SIZE)
    assert np.abs(spline(picture, places.reshape(-1, 2)) - picture.reshape(-1, 3)).max() < 1e-4
    moved = spline(picture, (places + np.float32(0.5)).reshape(-1, 2)).reshape(picture.shape)
    assert 0.6 < moved[8:-8, 8:-8].var() / picture.var() < 1.0, "white noise half a pixel off"
    part = slice(40, 60)
    alone = spline(picture, (places[part, part] + np.float32(0.5)).reshape(-1, 2)).reshape(20, 20, 3)
    assert np.abs(alone - moved[part, part]).max() < 1e-3


def test_without_motion_every_pixel_stays_where_it_is() -> None:
    frames = [frame_geometry(frame) for frame in worlds.still(2)]
    found = find_correspondence(frames[1], frames[0])
    assert found.visible.all() and np.array_equal(found.xy, pixel_grid(64, 64))


def test_kept_frames_are_thinned_out_in_time() -> None:
    kept: tuple[int, ...] = ()
    for index in range(0, 1000, 5):
        kept = thin_frames((*kept, index))
    assert len(kept) == 24 and kept[0] == 0 and kept[-1] == 995
