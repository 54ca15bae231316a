"""One server for the tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sd_core.client import Client, ServerProcess
from tests.server.servers import running
from tests.tiny import TinyKind


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, a client of it, its folder, and the model that it uses."""

    process: ServerProcess
    client: Client
    home: Path
    model: Path


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, tiny: object) -> Iterator[Served]:
    """The shared server, with a tiny SD 1 pipeline."""
    home = tmp_path_factory.mktemp("server")
    model: Path = tiny(TinyKind.SD1)  # type: ignore[operator]
    with running(home, "--model", str(model)) as (process, client):
        yield Served(process, client, home, model)
