"""The network as a pure function of latents and step: UNet, controls, conditioning and guidance together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sd_core.models import Model

from .conditioning import Conditioning
from .control import ActiveControl, Controls
from .latents import latent_scale
from .loop import Predict, Step
from .rolling import Offset, Rolling, back, roll
from .tiles import Tiling, Window, blend, windows


@dataclass(frozen=True, slots=True)
class PredictInputs:
    """All inputs of the network besides the latents.

    `extra_channels` (1 or b, k, lh, lw) is concatenated to the latents: depth (k = 1), or mask and masked picture
    (k = 1 + c).
    """

    conditioning: Conditioning
    controls: Sequence[ActiveControl] = ()
    extra_channels: Tensor | None = None

    def cut(self, window: Window, scale: int) -> PredictInputs:
        """The inputs of one tile."""
        extra = None if self.extra_channels is None else window.cut(self.extra_channels)
        return PredictInputs(self.conditioning, tuple(c.cut(window, scale) for c in self.controls), extra)

    def roll(self, offsets: Sequence[Offset], scale: int) -> PredictInputs:
        """The inputs of pictures that are moved."""
        extra = None if self.extra_channels is None else roll(self.extra_channels, offsets)
        return PredictInputs(self.conditioning, tuple(c.roll(offsets, scale) for c in self.controls), extra)


def make_predict(model: Model, inputs: PredictInputs) -> Predict:
    """The function that the denoising loop calls."""
    conditioning, controls = inputs.conditioning, Controls(inputs.controls)

    def predict(latents: Tensor, step: Step) -> Tensor:
        batch = len(latents)
        x = latents.repeat(conditioning.passes, 1, 1, 1).to(conditioning.embeddings.dtype)
        embeddings, added = conditioning.for_batch(batch)
        # without the unconditional rows, which come first, where guidance is to strengthen controls too
        free = batch if conditioning.guided and model.defaults.guided_control else 0
        residuals = controls.residuals(x[free:], step, embeddings[free:], _without(added, free)).after_nothing(free)
        output = model.unet(
            _concatenate(x, inputs.extra_channels),
            step.timestep,
            encoder_hidden_states=embeddings,
            timestep_cond=conditioning.timestep_cond,
            added_cond_kwargs=added,
            down_block_additional_residuals=residuals.skips[:-1] or None,
            mid_block_additional_residual=residuals.skips[-1] if residuals.skips else None,
            down_intrablock_additional_residuals=residuals.blocks or None,
            return_dict=False,
        )[0]
        return _guide(output.float(), conditioning)

    return predict


def make_tiled_predict(model: Model, inputs: PredictInputs, cells: tuple[int, int], tiling: Tiling) -> Predict:
    """`make_predict` on overlapping tiles, their predictions blended: one picture of any size in bounded memory."""
    covered = windows(*cells, tiling)
    scale = latent_scale(model)

    def predict(latents: Tensor, step: Step) -> Tensor:
        # Made again in every step: what the controls see of all tiles together would outgrow the memory.
        tiles = (make_predict(model, inputs.cut(w, scale))(w.cut(latents), step) for w in covered)
        return blend(tiles, covered, cells)

    return predict


def make_rolled_predict(
    make: Callable[[PredictInputs], Predict], inputs: PredictInputs, rolling: Rolling, scale: int
) -> Predict:
    """The function that `make` makes, with the picture moved before every step, and its prediction moved back.

    Args:
        make: `make_predict`, or another of the kind, but for its inputs.
        inputs: at rest; they move with the picture.
        rolling: where the picture lies in each step.
        scale: pixels to a latent cell.
    """

    def predict(latents: Tensor, step: Step) -> Tensor:
        offsets = rolling.offsets(step, (latents.shape[-2], latents.shape[-1]))
        prediction = make(inputs.roll(offsets, scale))(roll(latents, offsets), step)
        return roll(prediction, back(offsets))

    return predict


def _concatenate(x: Tensor, extra: Tensor | None) -> Tensor:
    if extra is None:
        return x
    repeats = len(x) // len(extra)
    return torch.cat([x, extra.to(x).repeat(repeats, 1, 1, 1)], dim=1)


def _without(added: dict[str, Any] | None, rows: int) -> dict[str, Any] | None:
    """Added conditions without their first rows; an IP-Adapter's are lists."""
    if added is None or rows == 0:
        return added
    return {
        name: [v[rows:] for v in value] if isinstance(value, list) else value[rows:] for name, value in added.items()
    }


def _guide(output: Tensor, conditioning: Conditioning) -> Tensor:
    """Classifier-free guidance, Ho & Salimans 2022, arXiv:2207.12598."""
    if not conditioning.guided:
        return output
    unconditional, text = output.chunk(2)
    return unconditional + conditioning.guidance_scale * (text - unconditional)
