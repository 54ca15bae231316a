"""The ControlNets of a request, loaded and given their pictures."""

from __future__ import annotations

from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.images import to_unit_pixels
from sd_core.errors import RequestError
from sd_core.requests import Generation

from .plan import Bench
from .resolve import size_of


def controls_of(request: Generation, bench: Bench) -> tuple[ActiveControl, ...]:
    """Every control of a resolved request.

    Raises:
        RequestError: a control picture is not of the picture's size.
        ModelNotFound, ModelMismatch: a ControlNet is missing, or of another family.
    """
    height, width = size_of(request)
    active: list[ActiveControl] = []
    for i, control in enumerate(request.controls):
        if control.image.shape[:2] != (height, width):
            got = f"{control.image.shape[1]}x{control.image.shape[0]}"
            hint = f"resize it to {width}x{height}, or set width and height to its size"
            raise RequestError(f"controls[{i}].image", f"is {got}, the picture {width}x{height}", hint=hint)
        network = bench.context.controlnet(control.model, str(control.kind), bench.model)
        hint_pixels = to_unit_pixels(control.image).to(bench.device)
        active.append(ActiveControl(network, hint_pixels, control.scale, control.start, control.end))
    return tuple(active)
