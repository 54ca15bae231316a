"""How much a request asks for, in pixels times steps: what quotas count."""

from __future__ import annotations

from ..requests import Animation, Generation, Request


def work_of(request: Request) -> float:
    """Pixels of all images or frames, times steps; pixels alone where nothing is denoised.

    A size or a number of frames that only the engine finds out (a mesh, an EXR sequence) counts as 512 x 512 px, once.
    """
    height, width = request.size or (512, 512)
    if not isinstance(request, Generation):
        return float(height * width)
    frames = len(request.passes) if isinstance(request, Animation) and not isinstance(request.passes, str) else 1
    return float(height * width * request.num_images * frames * (request.num_inference_steps or _STEPS))


_STEPS = 20
"""Where the number is that of the model: what most take."""
