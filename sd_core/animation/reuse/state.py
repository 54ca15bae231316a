"""What one frame of an animation hands to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.values import Array

from ..geometry.frame_geometry import FrameGeometry
from .source_map import SourceMap


@dataclass(frozen=True, slots=True)
class ReuseState:
    """The state after a frame.

    geometry: the frame's geometry. sources: its source map.
    clocks: for every source frame, how much the settings had changed up to it; `clock`: up to now.
    kept_frames: frames in which surfaces that come back are looked up, the first of the shot among them.
    share_since_kept: share of the picture that was generated since the last of them.
    backlog: see `DenoisePlan.backlog`.
    """

    geometry: FrameGeometry
    sources: SourceMap
    clocks: Mapping[int, float]
    clock: float
    kept_frames: tuple[int, ...]
    share_since_kept: float
    backlog: float

    def arrays(self) -> dict[str, Array]:
        """What `from_arrays` needs besides the geometry and the images, which are stored elsewhere."""
        numbers = {
            "clocks": {str(k): v for k, v in self.clocks.items()},
            "clock": self.clock,
            "kept": list(self.kept_frames),
            "since": self.share_since_kept,
            "owed": self.backlog,
        }
        text = np.frombuffer(json.dumps(numbers).encode(), np.uint8)
        sources = self.sources
        return {
            "birth_frame": sources.frame, "birth_place": sources.xy, "birth_firm": sources.confirmed,
            "birth_beside": sources.occluder_id, "birth_gap": sources.occluder_distance, "numbers": text,
        }  # fmt: skip

    def prune(self) -> ReuseState:
        """Without the clocks of frames that are not sampled any more."""
        wanted = self.needed_frames
        return replace(self, clocks={index: clock for index, clock in self.clocks.items() if index in wanted})

    @property
    def needed_frames(self) -> set[int]:
        """Frames whose images some surface, or one that comes back, may be sampled from."""
        return {int(index) for index in np.unique(self.sources.frame[self.sources.has_source])} | set(self.kept_frames)


def from_arrays(arrays: Mapping[str, Array], geometry: FrameGeometry, index: int) -> ReuseState:
    """The state after frame `index`, from what `ReuseState.arrays` gave.

    Raises:
        RequestError: something is missing, as in what another version of sd_core left.
    """
    sources = {
        "frame": "birth_frame",
        "xy": "birth_place",
        "confirmed": "birth_firm",
        "occluder_id": "birth_beside",
        "occluder_distance": "birth_gap",
    }
    numbers = json.loads(bytes(arrays["numbers"]).decode()) if "numbers" in arrays else {}
    missing = {*sources.values()} - set(arrays) | {"clocks", "clock", "kept", "since", "owed"} - set(numbers)
    if missing:
        named = ", ".join(sorted(missing))
        message = f"the state after frame {index} has no {named}: another version of sd_core wrote it"
        raise RequestError("resume", message, hint="start again, without resume", code=ErrorCode.CANNOT_RESUME)
    return ReuseState(
        geometry=geometry,
        sources=SourceMap(**{name: arrays[key] for name, key in sources.items()}),
        clocks={int(k): v for k, v in numbers["clocks"].items()},
        clock=numbers["clock"],
        kept_frames=tuple(numbers["kept"]),
        share_since_kept=numbers["since"],
        backlog=numbers["owed"],
    )
