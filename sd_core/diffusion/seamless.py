"""Circular padding for the length of a run, so that the picture tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from diffusers.models.downsampling import Downsample2D
from torch import Tensor, nn
from torch.nn import functional

from sd_core.errors import RequestError
from sd_core.requests import Seamless


@contextmanager
def seamless(networks: Iterable[nn.Module], axes: Seamless) -> Iterator[None]:
    """Pad every convolution of `networks` circularly along `axes`, with zeros along the other; restore on exit.

    Attention knows no position and group normalisation none either, so that a network of circular convolutions shifts
    its output exactly as its input is shifted. To be entered after LoRA layers are in place: their convolutions pad too.

    Args:
        networks: UNet, ControlNets and VAE of the run.
        axes: the axes that wrap.
    """
    if axes is Seamless.NONE:
        yield
        return
    with ExitStack() as restore:
        for network in networks:
            for module in network.modules():
                if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
                    _pad_convolution(module, _both_sides(module), axes, restore)
                elif isinstance(module, Downsample2D) and module.use_conv and module.padding == 0:
                    _pad_downsampler(module, axes, restore)
        yield


def check_wraps(size: tuple[int, int], axes: Seamless, cells: int, scale: int) -> None:
    """Refuse a size at which the network's down-sampling breaks the symmetry.

    Args:
        size: (height, width) in pixels.
        axes: the axes that wrap.
        cells: latent cells that the UNet's coarsest feature spans: 2 ** (levels - 1).
        scale: pixels to a latent cell.

    Raises:
        RequestError: a wrapping axis is no multiple of `cells * scale`.
    """
    multiple = cells * scale
    for field, pixels, wraps in (("width", size[1], wraps_x(axes)), ("height", size[0], wraps_y(axes))):
        if wraps and pixels % multiple:
            lower = max(pixels // multiple, 1) * multiple
            hint = f"use {lower} or {lower + multiple}, or seamless_method='rolling'"
            raise RequestError(field, f"a seamless picture needs a multiple of {multiple}, got {pixels}", hint=hint)


def wraps_x(axes: Seamless) -> bool:
    """Whether the left edge meets the right one."""
    return axes in (Seamless.X, Seamless.XY)


def wraps_y(axes: Seamless) -> bool:
    """Whether the top edge meets the bottom one."""
    return axes in (Seamless.Y, Seamless.XY)


Pad = tuple[int, int, int, int]
"""Cells to add: left, right, top, bottom."""


def _pad_convolution(conv: nn.Conv2d, pad: Pad, axes: Seamless, restore: ExitStack) -> None:
    """Let a hook do the padding, so that the layer, and whatever wraps it, stays the object that it is."""

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (_pad(inputs[0], pad, axes), *inputs[1:])

    handle = conv.register_forward_pre_hook(hook)
    padding = conv.padding
    conv.padding = (0, 0)
    restore.callback(setattr, conv, "padding", padding)
    restore.callback(handle.remove)


def _pad_downsampler(module: Downsample2D, axes: Seamless, restore: ExitStack) -> None:
    """A VAE encoder's down-sampler pads by itself, with zeros, right and below: tell it that it need not, and do it."""
    module.padding = 1
    restore.callback(setattr, module, "padding", 0)
    assert isinstance(module.conv, nn.Conv2d), "a down-sampler that uses a convolution has one"
    _pad_convolution(module.conv, (0, 1, 0, 1), axes, restore)


def _both_sides(conv: nn.Conv2d) -> Pad:
    vertical, horizontal = (int(p) for p in conv.padding)
    return (horizontal, horizontal, vertical, vertical)


def _pad(x: Tensor, pad: Pad, axes: Seamless) -> Tensor:
    left, right, top, bottom = pad
    x = functional.pad(x, (left, right, 0, 0), mode="circular" if wraps_x(axes) else "constant")
    return functional.pad(x, (0, 0, top, bottom), mode="circular" if wraps_y(axes) else "constant")
