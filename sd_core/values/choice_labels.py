"""Labels of the members of closed choices, for front ends with menus."""

from __future__ import annotations

_LABELS = {
    "xy": "X and Y", "mlsd": "MLSD", "openpose": "OpenPose", "softedge": "Soft Edge", "lineart": "Line Art",
    "opengl": "OpenGL", "directx": "DirectX", "png": "PNG", "exr": "EXR",
    "surface": "Follows Surfaces", "fixed": "Same in Every Frame", "independent": "Different in Every Frame",
}  # fmt: skip
"""Labels that differ from the member's name in title case."""


def choice_label(name: str) -> str:
    """The label of a member of a closed choice: `"softedge"` gives `"Soft Edge"`."""
    return _LABELS.get(name, name.replace("_", " ").title())
