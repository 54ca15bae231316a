"""One engine for all tests of this folder: what a request leaves behind would show in the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sd_core.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A float32 engine on the CPU that keeps latents; requests name their models."""
    with Engine(device="cpu", dtype="float32", keep_latents=True) as shared:
        yield shared
