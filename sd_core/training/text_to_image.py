"""The UNet, the ControlNet with the UNet frozen, and both together; the text encoder has learnt to read before."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from sd_core.diffusion.control import Residuals
from sd_core.training.batches import Batch, BatchSource
from sd_core.training.captions import draw_captions
from sd_core.training.embeddings import CaptionReader
from sd_core.training.loop import Loss
from sd_core.training.noising import crowded_timesteps, noisy_and_velocity
from sd_core.training.parts import Parts
from sd_core.training.precision import autocast
from sd_core.training.sheets import control_sheet, prompt_sheet

TEXTURE_SHARE = (0.9, 0.5)
"""Of what is seen, at the start and at the end: materials are learnt first, and what is made of them after that."""
TOGETHER_TEXTURE_SHARE = 0.55
"""Of what is seen where both are trained: the materials are known by then, and depth belongs to scenes."""
STEERED_SHARE = 0.7
"""Of the scenes there, those that come with their depth; the others keep the UNet able to draw scenes without."""
FULL_SHARE = 0.3
"""Share of batches whose captions are padded to 77 tokens, as pipelines pad; the others are cheaper."""


@dataclass(frozen=True, slots=True)
class NoisyBatch:
    """A batch, made noisy: what the networks see, and the velocity that they are to say.

    noisy, velocity: (b, c, lh, lw). timesteps: (b,). embeddings: (b, t, d).
    """

    noisy: Tensor
    timesteps: Tensor
    embeddings: Tensor
    velocity: Tensor

    @classmethod
    def of(cls, batch: Batch, parts: Parts, reader: CaptionReader, rng: np.random.Generator) -> "NoisyBatch":
        embeddings = reader.read(draw_captions(batch.captions, rng), full=rng.random() < FULL_SHARE)
        timesteps = crowded_timesteps(len(embeddings), parts.scheduler.config["num_train_timesteps"])
        timesteps = timesteps[torch.randperm(len(timesteps))]  # places in a batch have kinds
        noise = torch.randn_like(batch.latents)
        noisy, velocity = noisy_and_velocity(parts.scheduler, batch.latents, noise, timesteps)
        return cls(noisy, timesteps, embeddings, velocity)

    def loss(self, predicted: Tensor) -> Loss:
        value = F.mse_loss(predicted.float(), self.velocity)
        return Loss(value, {"loss": value.item()})


class UNetTask:
    """Predict the velocity of noisy latents from a caption."""

    def __init__(self, parts: Parts, reader: CaptionReader, source: BatchSource) -> None:
        self.modules = nn.ModuleDict({"unet": parts.unet})
        self._parts, self._reader, self._source = parts, reader, source

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        first, last = TEXTURE_SHARE
        samples = self._source.draw(rng, batch, texture_share=first + (last - first) * done)
        noisy = NoisyBatch.of(samples, self._parts, self._reader, rng)
        with autocast():
            predicted = self._parts.unet(noisy.noisy, noisy.timesteps, noisy.embeddings).sample
        return noisy.loss(predicted)

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        prompt_sheet(self._parts.with_averages(average), path)


class ControlNetTask:
    """Steer the frozen UNet by depth, on scenes."""

    def __init__(self, parts: Parts, reader: CaptionReader, controlnet: ControlNetModel, source: BatchSource) -> None:
        parts.unet.requires_grad_(False)
        self.modules = nn.ModuleDict({"controlnet": controlnet})
        self._controlnet = controlnet
        self._parts, self._reader, self._source = parts, reader, source

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        samples = self._source.draw(rng, batch, texture_share=0.0)
        noisy = NoisyBatch.of(samples, self._parts, self._reader, rng)
        with autocast():
            predicted = steered_velocity(self._parts.unet, self._controlnet, noisy, samples.controls)
        return noisy.loss(predicted)

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        control_sheet(self._parts, average["controlnet"], self._source.scenes[0], path)


class TogetherTask:
    """The UNet and the ControlNet at once: textures and some scenes from captions alone, the other scenes from depth too.

    A ControlNet of a frozen UNet can only ask for what the UNet draws already; where the project owns both, the UNet
    learns to draw what is asked for.
    """

    def __init__(self, parts: Parts, reader: CaptionReader, controlnet: ControlNetModel, source: BatchSource) -> None:
        self.modules = nn.ModuleDict({"unet": parts.unet, "controlnet": controlnet})
        self._controlnet = controlnet
        self._parts, self._reader, self._source = parts, reader, source

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        samples = self._source.draw(rng, batch, texture_share=TOGETHER_TEXTURE_SHARE)
        noisy = NoisyBatch.of(samples, self._parts, self._reader, rng)
        steered = round(samples.scenes * STEERED_SHARE)
        with autocast():
            controls = samples.controls[len(samples.controls) - steered :]
            predicted = steered_velocity(self._parts.unet, self._controlnet, noisy, controls)
        return noisy.loss(predicted)

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        parts = self._parts.with_averages(average)
        prompt_sheet(parts, path)
        control_sheet(parts, average["controlnet"], self._source.scenes[0], path.with_stem(f"{path.stem}-depth"))


def steered_velocity(
    unet: UNet2DConditionModel, controlnet: ControlNetModel, batch: NoisyBatch, controls: Tensor
) -> Tensor:
    """The UNet's velocity (b, c, lh, lw), the last of the batch steered by `controls` (n, 3, h, w) in [0, 1], n from 0 to b."""
    free = len(batch.noisy) - len(controls)
    if len(controls) == 0:
        return unet(batch.noisy, batch.timesteps, batch.embeddings).sample
    down, middle = controlnet(
        batch.noisy[free:],
        batch.timesteps[free:],
        batch.embeddings[free:],
        controlnet_cond=controls,
        return_dict=False,
    )
    *down, middle = Residuals(skips=[*down, middle]).after_nothing(free).skips
    return unet(
        batch.noisy, batch.timesteps, batch.embeddings,
        down_block_additional_residuals=down, mid_block_additional_residual=middle,
    ).sample  # fmt: skip
