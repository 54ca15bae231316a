"""The networks that one image needs, in one object, and their stock pipelines."""

from dataclasses import dataclass, replace
from typing import Self

from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything in the model's folder but the ControlNet."""

    autoencoder: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler

    def with_averages(self, average: nn.ModuleDict) -> Self:
        """The same with the averaged UNet in place of the one in training."""
        return replace(self, unet=average["unet"])

    def pipeline(self) -> StableDiffusionPipeline:
        """The stock pipeline over these parts, without a safety checker and without a progress bar."""
        pipeline = StableDiffusionPipeline(
            vae=self.autoencoder, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def control_pipeline(self, controlnet: ControlNetModel) -> StableDiffusionControlNetPipeline:
        """The stock ControlNet pipeline over these parts."""
        pipeline = StableDiffusionControlNetPipeline(
            vae=self.autoencoder, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=self.scheduler,
            controlnet=controlnet, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        return pipeline
