"""Tiny pipelines with random weights, of the real diffusers classes, written to folders that load like any checkpoint.

They say nothing about pictures; they are for equality, errors, memory and speed of the code around a model. Every
part is seeded, so that a kind is the same pipeline wherever it is built. Widths of the text conditioning differ
from family to family (SD1 32, SD2 48, SDXL 64), as they do in the published models.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    DDIMScheduler,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    SchedulerMixin,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

SIZE = 64
"""Default side of a tiny model's picture, px; its latents are 8 x 8."""

_BOS, _EOS = "<|startoftext|>", "<|endoftext|>"
_MERGES = ("b r", "br i", "bri c", "bric k</w>", "w a", "wa l", "wal l</w>", "r e", "re d</w>", "t h", "th e</w>")
_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


class TinyKind(StrEnum):
    """What `tiny_pipeline` can build."""

    SD1 = "sd1"
    SD2 = "sd2"
    SD2_DEPTH = "sd2-depth"
    SD1_INPAINT = "sd1-inpaint"
    SDXL = "sdxl"
    SDXL_INPAINT = "sdxl-inpaint"
    SD_TURBO = "sd-turbo"
    LCM = "lcm"
    SDXL_LIGHTNING = "sdxl-lightning"


FAMILY = {
    TinyKind.SD1: "sd1",
    TinyKind.SD1_INPAINT: "sd1",
    TinyKind.LCM: "sd1",
    TinyKind.SD2: "sd2",
    TinyKind.SD2_DEPTH: "sd2",
    TinyKind.SD_TURBO: "sd2",
    TinyKind.SDXL: "sdxl",
    TinyKind.SDXL_INPAINT: "sdxl",
    TinyKind.SDXL_LIGHTNING: "sdxl",
}

_IN_CHANNELS = {TinyKind.SD2_DEPTH: 5, TinyKind.SD1_INPAINT: 9, TinyKind.SDXL_INPAINT: 9}
_CONDITIONING_WIDTH = {"sd1": 32, "sd2": 48, "sdxl": 64}


def tiny_pipeline(kind: TinyKind, folder: Path, *, seed: int = 0) -> Path:
    """Write a pipeline in diffusers' layout (`model_index.json` and one folder for each part) and return its folder.

    Args:
        kind: which architecture and prediction type.
        folder: made if needed; anything of the same names in it is replaced.
        seed: of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _seeded(seed):
        pipeline = _sdxl(kind) if FAMILY[kind] == "sdxl" else _sd(kind)
    pipeline.save_pretrained(folder)
    if kind is TinyKind.SD2_DEPTH:
        # The stock class also wants a depth estimator, which nothing here needs: depth is always given.
        _rename_class(folder, "StableDiffusionDepth2ImgPipeline")
    return folder


def tiny_controlnet(kind: TinyKind, folder: Path, *, seed: int = 1) -> Path:
    """Write a ControlNet for the family of `kind`; every layer is random, also those that training starts from zero."""
    with _seeded(seed):
        unet = _unet(kind, in_channels=4)
        net = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=(4, 4, 4, 4), load_weights_from_unet=False
        )
        _fill_zeros(net)
    net.save_pretrained(folder)
    return folder


def tiny_taesd(folder: Path, *, seed: int = 2) -> Path:
    """Write a tiny autoencoder of the kind that previews use, with the same factor of 8."""
    with _seeded(seed):
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
        )
    vae.save_pretrained(folder)
    return folder


def tiny_tokenizer(folder: Path, *, pad_token: str = _EOS) -> CLIPTokenizer:
    """Write `vocab.json` and `merges.txt` of a byte-level CLIP tokenizer and return it, read back."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(_vocabulary()), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *_MERGES)) + "\n", encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder, pad_token=pad_token, model_max_length=77)


def _sd(kind: TinyKind) -> DiffusionPipeline:
    family = FAMILY[kind]
    inpaint = kind is TinyKind.SD1_INPAINT
    pipeline_class = StableDiffusionInpaintPipeline if inpaint else StableDiffusionPipeline
    return pipeline_class(
        vae=_vae(0.18215),
        text_encoder=_text_encoder(
            CLIPTextModel, _CONDITIONING_WIDTH[family], "gelu" if family == "sd2" else "quick_gelu"
        ),
        # SD2's published tokenizers pad with "!", the token of index 0.
        tokenizer=_tokenizer("!" if family == "sd2" else _EOS),
        unet=_unet(kind, _IN_CHANNELS.get(kind, 4)),
        scheduler=_scheduler(kind),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(kind: TinyKind) -> DiffusionPipeline:
    inpaint = kind is TinyKind.SDXL_INPAINT
    pipeline_class = StableDiffusionXLInpaintPipeline if inpaint else StableDiffusionXLPipeline
    return pipeline_class(
        vae=_vae(0.13025),
        text_encoder=_text_encoder(CLIPTextModel, 32, "quick_gelu"),
        text_encoder_2=_text_encoder(CLIPTextModelWithProjection, 32, "gelu"),
        tokenizer=_tokenizer(_EOS),
        tokenizer_2=_tokenizer("!"),
        unet=_unet(kind, _IN_CHANNELS.get(kind, 4)),
        scheduler=_scheduler(kind),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def _unet(kind: TinyKind, in_channels: int) -> UNet2DConditionModel:
    family = FAMILY[kind]
    options: dict[str, Any] = {
        "sd1": {"attention_head_dim": 2},
        "sd2": {"attention_head_dim": (2, 4), "use_linear_projection": True},
        "sdxl": {
            "attention_head_dim": (2, 4),
            "use_linear_projection": True,
            "transformer_layers_per_block": (1, 2),
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 32,
        },
    }[family]
    down = ("DownBlock2D", "CrossAttnDownBlock2D") if family == "sdxl" else ("CrossAttnDownBlock2D", "DownBlock2D")
    return UNet2DConditionModel(
        sample_size=SIZE // 8,
        in_channels=in_channels,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=2,
        down_block_types=down,
        up_block_types=tuple(name.replace("Down", "Up") for name in reversed(down)),
        cross_attention_dim=_CONDITIONING_WIDTH[family],
        time_cond_proj_dim=16 if kind is TinyKind.LCM else None,
        **options,
    ).eval()


def _vae(scaling_factor: float) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4, 4, 4, 8),
        layers_per_block=1,
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=SIZE,
        scaling_factor=scaling_factor,
    ).eval()


def _text_encoder(model_class: type[CLIPTextModel], width: int, activation: str) -> CLIPTextModel:
    vocabulary = _vocabulary()
    config = CLIPTextConfig(
        hidden_size=width,
        projection_dim=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=4,
        vocab_size=len(vocabulary),
        hidden_act=activation,
        bos_token_id=vocabulary[_BOS],
        eos_token_id=vocabulary[_EOS],
        pad_token_id=1,
    )
    model = model_class(config).eval()
    # Prompts must matter: the standard initialisation makes all of them nearly alike.
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=1.0)
    return model


def _scheduler(kind: TinyKind) -> SchedulerMixin:
    match kind:
        case TinyKind.SD2 | TinyKind.SD2_DEPTH:
            prediction = "v_prediction" if kind is TinyKind.SD2 else "epsilon"
            return DDIMScheduler(
                **_NOISE, clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type=prediction
            )
        case TinyKind.SDXL | TinyKind.SDXL_INPAINT:
            return EulerDiscreteScheduler(**_NOISE, steps_offset=1, timestep_spacing="leading")
        case TinyKind.SDXL_LIGHTNING:
            return EulerDiscreteScheduler(**_NOISE, timestep_spacing="trailing")
        case TinyKind.SD_TURBO:
            return EulerAncestralDiscreteScheduler(**_NOISE, steps_offset=1, timestep_spacing="trailing")
        case TinyKind.LCM:
            return LCMScheduler(**_NOISE, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
        case _:
            return PNDMScheduler(**_NOISE, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)


def _tokenizer(pad_token: str) -> CLIPTokenizer:
    return CLIPTokenizer(
        vocab=_vocabulary(), merges=[tuple(m.split()) for m in _MERGES], pad_token=pad_token, model_max_length=77
    )


def _vocabulary() -> dict[str, int]:
    """Every byte as a letter, alone and at the end of a word, then the merges; "!" has index 0, as in CLIP's."""
    letters = list(_byte_letters())
    merged = [merge.replace(" ", "") for merge in _MERGES]
    return {token: index for index, token in enumerate([*letters, *(f"{x}</w>" for x in letters), *merged, _BOS, _EOS])}


def _byte_letters() -> Iterator[str]:
    """The printable letters that byte-level tokenizers use for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    yield from map(chr, printable)
    yield from map(chr, itertools.islice(itertools.count(256), 256 - len(printable)))


def _fill_zeros(net: torch.nn.Module) -> None:
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)


def _rename_class(folder: Path, name: str) -> None:
    index = folder / "model_index.json"
    entries = json.loads(index.read_text(encoding="utf-8"))
    dropped = ("safety_checker", "feature_extractor", "image_encoder", "requires_safety_checker")
    entries = {key: value for key, value in entries.items() if key not in dropped} | {"_class_name": name}
    index.write_text(json.dumps(entries, indent=2), encoding="utf-8")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` inside, and leave the caller's random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
