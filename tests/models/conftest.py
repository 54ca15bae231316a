"""Tiny models loaded by the project's own loader, one of each kind for the whole run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pytest

from sd_core.devices import Placement, choose_placement
from sd_core.models import Model, load_model

if TYPE_CHECKING:
    from tests.conftest import Built
    from tests.tiny import TinyKind

Loaded = Callable[["TinyKind"], Model]


@pytest.fixture(scope="session")
def placement() -> Placement:
    """Float32 on the CPU."""
    return choose_placement("cpu", "float32")


@pytest.fixture(scope="session")
def loaded(tiny: Built, placement: Placement) -> Loaded:
    """`loaded(kind)`: a tiny model; whoever changes it must restore it."""

    @cache
    def load(kind: TinyKind) -> Model:
        return load_model(str(tiny(kind)), placement)

    return load
