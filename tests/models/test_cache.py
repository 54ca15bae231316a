"""The model cache: what it keeps, what it drops, what it refuses."""

from __future__ import annotations

import pytest

from sd_core.devices import Placement
from sd_core.errors import ModelNotFound, OutOfMemory
from sd_core.models import ModelCache, parameter_bytes
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.tiny import TinyKind


@pytest.fixture
def names(tiny: Built) -> list[str]:
    """Three models of about equal size."""
    return [str(tiny(kind)) for kind in (TinyKind.SD1, TinyKind.SD1_INPAINT, TinyKind.LCM)]


@pytest.fixture
def one(loaded: Loaded) -> int:
    """Bytes of one of them, and a little."""
    return int(1.1 * parameter_bytes(loaded(TinyKind.LCM)))


def test_a_model_is_loaded_once(names: list[str], placement: Placement) -> None:
    cache = ModelCache(placement)
    assert cache.get(names[0]) is cache.get(names[0])
    assert names[0] in cache and names[1] not in cache


def test_the_least_recently_used_goes_when_room_is_needed(names: list[str], one: int, placement: Placement) -> None:
    cache = ModelCache(placement, 2 * one)
    for name in (names[0], names[1], names[0], names[2]):
        cache.get(name)
    assert [name in cache for name in names] == [True, False, True]
    assert cache.bytes_used <= 2 * one


def test_a_model_larger_than_the_bound_is_refused_in_bytes(names: list[str], placement: Placement) -> None:
    with pytest.raises(OutOfMemory) as refused:
        ModelCache(placement, 1000).get(names[0])
    assert refused.value.needed > refused.value.free == 1000


def test_freeing_drops_everything(names: list[str], placement: Placement) -> None:
    cache = ModelCache(placement)
    cache.get(names[0])
    cache.free()
    assert names[0] not in cache and cache.bytes_used == 0


def test_a_failed_load_leaves_the_others(names: list[str], placement: Placement) -> None:
    cache = ModelCache(placement)
    first = cache.get(names[0])
    with pytest.raises(ModelNotFound):
        cache.get("./nothing-here")
    assert cache.get(names[0]) is first
