"""Fixtures for every part: tiny pipelines and adapters, each built once in a test run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.tiny import TinyKind
    from tests.tiny_adapters import LoraFormat

Built = Callable[..., Path]
"""Gives the path of a tiny thing, building it on the first call with these arguments."""


def pytest_configure(config: pytest.Config) -> None:
    """One process a core leaves torch one thread in each, and in what a test starts.

    Set here, before the processes start: some libraries read it when they begin, others later, and bytes depend on it.
    """
    if config.option.numprocesses:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _heed_ctrl_c() -> None:
    """A test run in the background ignores Ctrl-C, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module: while Playwright is open its event loop counts as running, and asyncio.run is refused."""
    from tests.chromium import chromium

    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`tiny(kind)`: the folder of a tiny pipeline. Treat it as read-only."""
    root = tmp_path_factory.mktemp("tiny")

    @cache
    def build(kind: TinyKind) -> Path:
        from tests.tiny import tiny_pipeline

        return tiny_pipeline(kind, root / kind)

    return build


@pytest.fixture(scope="session")
def controlnet(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`controlnet(kind, seed)`: the folder of a tiny ControlNet for the family of `kind`."""
    root = tmp_path_factory.mktemp("controlnet")

    @cache
    def build(kind: TinyKind, seed: int = 1) -> Path:
        from tests.tiny import tiny_controlnet

        return tiny_controlnet(kind, root / f"{kind}-{seed}", seed=seed)

    return build


@pytest.fixture(scope="session")
def t2i_adapter(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`t2i_adapter(kind, ...)`: the folder of a tiny T2I-Adapter for `kind`, see `tiny_t2i_adapter`."""
    root = tmp_path_factory.mktemp("t2i_adapter")

    @cache
    def build(kind: TinyKind, **layout: int) -> Path:
        from tests.tiny_adapters import tiny_t2i_adapter

        name = "-".join([kind, *(f"{key}{held}" for key, held in sorted(layout.items()))])
        return tiny_t2i_adapter(kind, root / name, **layout)

    return build


@pytest.fixture(scope="session")
def lora(tmp_path_factory: pytest.TempPathFactory, tiny: Built) -> Built:
    """`lora(kind, layout, seed)`: a LoRA file for the tiny pipeline `kind`."""
    root = tmp_path_factory.mktemp("lora")

    @cache
    def build(kind: TinyKind, layout: LoraFormat, seed: int = 3) -> Path:
        from tests.tiny_adapters import tiny_lora

        return tiny_lora(tiny(kind), root / f"{kind}-{layout}-{seed}.safetensors", layout, seed=seed)

    return build


@pytest.fixture(scope="session")
def ip_adapter(tmp_path_factory: pytest.TempPathFactory, tiny: Built) -> Built:
    """`ip_adapter(kind)`: a folder with an IP-Adapter for the tiny pipeline `kind` and its image encoder."""
    root = tmp_path_factory.mktemp("ip_adapter")

    @cache
    def build(kind: TinyKind) -> Path:
        from tests.tiny_adapters import tiny_ip_adapter

        return tiny_ip_adapter(tiny(kind), root / kind)

    return build
