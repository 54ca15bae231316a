"""Stages 2 and 3: the UNet, then the ControlNet beside the frozen UNet; the text encoder has learnt to read before."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel
from torch import Tensor, nn

from sd_core.training.batches import Source
from sd_core.training.captions import drawn_captions
from sd_core.training.embeddings import Reader
from sd_core.training.loop import Loss
from sd_core.training.noising import crowded_timesteps, noisy_and_velocity
from sd_core.training.parts import Parts
from sd_core.training.precision import autocast
from sd_core.training.sheets import control_sheet, prompt_sheet

TEXTURE_SHARE = (0.9, 0.5)
"""Of what is seen, at the start and at the end: materials are learnt first, and what is made of them after that."""
FULL_SHARE = 0.3
"""Share of batches whose captions are padded to 77 tokens, as pipelines pad; the others are cheaper."""


class UNetTask:
    """Predict the velocity of noisy latents from a caption."""

    def __init__(self, parts: Parts, reader: Reader, source: Source) -> None:
        self.modules = nn.ModuleDict({"unet": parts.unet})
        self._parts, self._reader, self._source = parts, reader, source

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        first, last = TEXTURE_SHARE
        drawn = self._source.draw(rng, batch, texture_share=first + (last - first) * done)
        embeddings = self._reader.read(drawn_captions(drawn.captions, rng), full=rng.random() < FULL_SHARE)
        timesteps = crowded_timesteps(len(embeddings), self._parts.scheduler.config["num_train_timesteps"])
        noisy, velocity = noisy_and_velocity(
            self._parts.scheduler, drawn.latents, torch.randn_like(drawn.latents), timesteps
        )
        with autocast():
            predicted = self._parts.unet(noisy, timesteps, embeddings).sample
        value = F.mse_loss(predicted.float(), velocity)
        return Loss(value, {"loss": value.item()})

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        prompt_sheet(self._parts.with_averages(average), path)


class ControlNetTask:
    """Steer the frozen UNet by depth, on scenes."""

    def __init__(self, parts: Parts, reader: Reader, controlnet: ControlNetModel, source: Source) -> None:
        parts.unet.requires_grad_(False)
        self.modules = nn.ModuleDict({"controlnet": controlnet})
        self._controlnet = controlnet
        self._parts, self._reader, self._source = parts, reader, source

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        drawn = self._source.draw(rng, batch, texture_share=0.0)
        embeddings = self._reader.read(drawn_captions(drawn.captions, rng), full=rng.random() < FULL_SHARE)
        timesteps = crowded_timesteps(len(embeddings), self._parts.scheduler.config["num_train_timesteps"])
        noisy, velocity = noisy_and_velocity(
            self._parts.scheduler, drawn.latents, torch.randn_like(drawn.latents), timesteps
        )
        with autocast():
            predicted = self._predict(noisy, timesteps, embeddings, drawn.controls)
        value = F.mse_loss(predicted.float(), velocity)
        return Loss(value, {"loss": value.item()})

    def _predict(self, noisy: Tensor, timesteps: Tensor, embeddings: Tensor, controls: Tensor) -> Tensor:
        down, middle = self._controlnet(noisy, timesteps, embeddings, controlnet_cond=controls, return_dict=False)
        return self._parts.unet(
            noisy, timesteps, embeddings, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        control_sheet(self._parts, average["controlnet"], self._source.scenes[0], path)
