"""The parts of the storm by name, with the numbers that are asked of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import partial

from sd_core.errors import SDError

from .bits import change_journals, flip_bits
from .devices import FAULTS, break_device, break_only_device
from .findings import Findings, Law
from .host import RefusedStartError
from .kills import kill_engines, kill_servers
from .movie import animate_through_kills
from .scene import Scene
from .shortage import exhaust_descriptors, fill_disks, fill_stores
from .suspension import suspend

Part = Callable[[Scene, int], Findings]

PARTS: Mapping[str, tuple[Part, ...]] = {
    "engines": (kill_engines,),
    "servers": (kill_servers,),
    "disk": (fill_disks,),
    "store": (fill_stores,),
    "descriptors": (exhaust_descriptors,),
    "bits": (flip_bits,),
    "journal": (change_journals,),
    "sleep": (suspend,),
    "devices": tuple(partial(break_device, fault=fault) for fault in FAULTS),
    "no-device": (break_only_device,),
    "movie": (animate_through_kills,),
}
"""Functions of scene and seed."""


def run_part(name: str, scene: Scene, seed: int) -> list[Findings]:
    """What a part finds; one that cannot go on has found that, so that the parts after it still run."""
    return [_run(part, name, scene, seed) for part in PARTS[name]]


def _run(part: Part, name: str, scene: Scene, seed: int) -> Findings:
    try:
        return part(scene, seed)
    except (AssertionError, RefusedStartError, SDError, OSError) as error:
        broken = Findings(name, seed, figures={"seconds": "-"})
        broken.check(Law.STATED, holds=False, otherwise="".join(traceback.format_exception(error)))
        return broken
