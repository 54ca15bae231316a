"""The storm as tests: seeded, on 127.0.0.1, each part within minutes. `tests/benchmarks/server_storm.py` prints it as a table."""

from __future__ import annotations

import sys

import pytest

from tests.server.storm.findings import table
from tests.server.storm.parts import PARTS, run_part
from tests.server.storm.scene import Scene

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces, limits and signals of Linux"),
]

SEED = 1

WEEKLY = {
    "engines": pytest.mark.weekly,  # 3 minutes: sixty kills, and a new engine after each
    "servers": pytest.mark.weekly,  # 3 minutes: forty kills, and a new server with its engine after each
    "disk": pytest.mark.weekly,  # 1 minute: five full disks, and clients at work between them
    "bits": pytest.mark.weekly,  # 1 minute: a server is started on each of nine damaged homes
    "sleep": pytest.mark.weekly,  # 1 minute: deadlines of two seconds bear no other test beside them
    "movie": pytest.mark.weekly,  # 2 minutes: three hundred frames, twice, with ten kills
    "store": pytest.mark.weekly,  # 1 minute: a full store with clients at work, beside which no other test may run
    "descriptors": pytest.mark.weekly,  # 1 minute: takes all descriptors of its process, beside which no other test may run
    "journal": pytest.mark.weekly,  # 1 minute: the journal goes under a running server, whose deadlines bear no load beside it
    "devices": pytest.mark.weekly,  # 2 minutes: six engines at once, each with torch
    "no-device": pytest.mark.weekly,  # 1 minute: as devices
}
"""The minutes are estimates, from ten for the whole storm on two cores that do nothing else.

Outside the weekly run `test_storms.py` kills engines and servers twenty times each, and `test_faults.py` has a machine that sleeps.
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene.build(tmp_path_factory.mktemp("storm"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=WEEKLY.get(name, ())) for name in PARTS])
def test_every_law_holds_in_a_storm_of(name: str, scene: Scene) -> None:
    found = run_part(name, scene, SEED)
    print(table(found))  # noqa: T201 - the figures are of interest
    broken = "\n".join(part.told() for part in found if part.broken)
    assert not broken, f"\n{broken}"
