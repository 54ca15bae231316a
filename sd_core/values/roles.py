"""What a field names that lies outside the request."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What the text in a field names; fields without a role hold plain text.

    MODEL: a name of the catalogue, a hub id, a folder or a file. LORA: a name in the LoRA folder, a hub id, a folder or a
    file. CONTROLNET (also a T2I-Adapter), IMAGE_PROMPT, ESTIMATOR, DEPTH_ESTIMATOR: a hub id, a folder or a file.
    FILE: render passes, a video, a mesh; also a "####" pattern.
    """

    MODEL = "model"
    LORA = "LoRA"
    CONTROLNET = "ControlNet"
    IMAGE_PROMPT = "image prompt adapter"
    ESTIMATOR = "estimator"
    DEPTH_ESTIMATOR = "depth estimator"
    FILE = "file"
