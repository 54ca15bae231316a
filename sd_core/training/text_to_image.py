"""Stages 2 and 3: UNet and text encoder together, then the ControlNet beside the frozen UNet."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel
from torch import Tensor, nn

from sd_core.training.batches import Source
from sd_core.training.captions import drawn_captions, token_ids
from sd_core.training.loop import Loss
from sd_core.training.noising import noisy_and_velocity, stratified_timesteps
from sd_core.training.parts import Parts
from sd_core.training.precision import autocast
from sd_core.training.sheets import control_sheet, prompt_sheet

TEXTURE_SHARE = 0.5


class UNetTask:
    """Predict the velocity of noisy latents from a caption; the text encoder learns along."""

    def __init__(self, parts: Parts, source: Source) -> None:
        self.modules = nn.ModuleDict({"unet": parts.unet, "text_encoder": parts.text_encoder})
        self._parts, self._source = parts, source

    def loss(self, rng: np.random.Generator, batch: int) -> Loss:
        drawn = self._source.draw(rng, batch, texture_share=TEXTURE_SHARE)
        ids = token_ids(self._parts.tokenizer, drawn_captions(drawn.captions, rng), full=rng.random() < 0.5)
        timesteps = stratified_timesteps(len(ids), self._parts.scheduler.config["num_train_timesteps"])
        noisy, velocity = noisy_and_velocity(
            self._parts.scheduler, drawn.latents, torch.randn_like(drawn.latents), timesteps
        )
        with autocast():
            embeddings = self._parts.text_encoder(ids)[0]
            predicted = self._parts.unet(noisy, timesteps, embeddings).sample
        value = F.mse_loss(predicted.float(), velocity)
        return Loss(value, {"loss": value.item()})

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        prompt_sheet(self._parts.with_averages(average), path)


class ControlNetTask:
    """Steer the frozen UNet by depth, on scenes."""

    def __init__(self, parts: Parts, controlnet: ControlNetModel, source: Source) -> None:
        parts.unet.requires_grad_(False)
        parts.text_encoder.requires_grad_(False)
        self.modules = nn.ModuleDict({"controlnet": controlnet})
        self._controlnet = controlnet
        self._parts, self._source = parts, source

    def loss(self, rng: np.random.Generator, batch: int) -> Loss:
        drawn = self._source.draw(rng, batch, texture_share=0.0)
        ids = token_ids(self._parts.tokenizer, drawn_captions(drawn.captions, rng), full=rng.random() < 0.5)
        timesteps = stratified_timesteps(len(ids), self._parts.scheduler.config["num_train_timesteps"])
        noisy, velocity = noisy_and_velocity(
            self._parts.scheduler, drawn.latents, torch.randn_like(drawn.latents), timesteps
        )
        with autocast():
            predicted = self._predict(noisy, timesteps, ids, drawn.controls)
        value = F.mse_loss(predicted.float(), velocity)
        return Loss(value, {"loss": value.item()})

    def _predict(self, noisy: Tensor, timesteps: Tensor, ids: Tensor, controls: Tensor) -> Tensor:
        with torch.no_grad():
            embeddings = self._parts.text_encoder(ids)[0]
        down, middle = self._controlnet(noisy, timesteps, embeddings, controlnet_cond=controls, return_dict=False)
        return self._parts.unet(
            noisy, timesteps, embeddings, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        control_sheet(self._parts, average["controlnet"], self._source.scenes[0], path)
