"""What a field holds: plain values, arrays, parts, or the name of something outside the request."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a field, or each item of one, holds.

    TEXT, CHOICE (one of a closed set), NUMBER, SWITCH (True or False), ARRAY, PART (a value with fields of its own).

    The others are text that names something outside the request. MODEL: a name of the catalogue, a hub id, a folder or a
    file. LORA: a name in the LoRA folder, a hub id, a folder or a file. CONTROLNET (also a T2I-Adapter), IMAGE_PROMPT,
    ESTIMATOR, DEPTH_ESTIMATOR: a hub id, a folder or a file. FILE: render passes, a video, a mesh; also a "####" pattern.
    """

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    SWITCH = "switch"
    ARRAY = "array"
    PART = "part"
    MODEL = "model"
    LORA = "LoRA"
    CONTROLNET = "ControlNet"
    IMAGE_PROMPT = "image prompt adapter"
    ESTIMATOR = "estimator"
    DEPTH_ESTIMATOR = "depth estimator"
    FILE = "file"

    @property
    def is_outside(self) -> bool:
        """Whether the text names something outside the request."""
        return self not in _INSIDE


_INSIDE = frozenset({Role.TEXT, Role.CHOICE, Role.NUMBER, Role.SWITCH, Role.ARRAY, Role.PART})
