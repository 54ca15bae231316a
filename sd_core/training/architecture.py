"""The networks of the built-in model, as stock diffusers and transformers classes."""

from dataclasses import dataclass

from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sd_core.training.config import Size
from sd_core.training.tokenizer import END, MAX_TOKENS, START

LATENT_CHANNELS = 8
DOWNSCALE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Channels of every network at one size of the model."""

    autoencoder: tuple[int, int, int, int]
    autoencoder_groups: int
    unet: tuple[int, int, int]
    unet_groups: int
    head: int
    control: tuple[int, int, int, int]
    text: int
    text_layers: int


WIDTHS = {
    Size.FULL: Widths(
        autoencoder=(32, 48, 96, 128), autoencoder_groups=4, unet=(96, 192, 192), unet_groups=8, head=32,
        control=(16, 32, 64, 96), text=256, text_layers=3,
    ),
    Size.TINY: Widths(
        autoencoder=(8, 8, 8, 8), autoencoder_groups=4, unet=(8, 16, 16), unet_groups=4, head=8,
        control=(4, 4, 8, 8), text=64, text_layers=1,
    ),
}  # fmt: skip


def build_autoencoder(size: Size) -> AutoencoderKL:
    """8x autoencoder with 8 latent channels, fully convolutional (no attention), so that it serves any size."""
    widths = WIDTHS[size]
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=widths.autoencoder, layers_per_block=1, latent_channels=LATENT_CHANNELS,
        norm_num_groups=widths.autoencoder_groups, mid_block_add_attention=False, scaling_factor=1.0, sample_size=256,
    )  # fmt: skip


def build_unet(size: Size) -> UNet2DConditionModel:
    """Three levels, text and self-attention at the lower two.

    The whole caption, pooled, joins the time embedding and scales every block's channels (Saharia et al. 2022,
    arXiv:2205.11487; Dhariwal and Nichol 2021, arXiv:2105.05233): what holds for all of a picture, its material and its
    colour, need not be found through cross-attention. Few, wide groups, because normalising two or
    three channels together takes away the level that a colour is.
    """
    widths = WIDTHS[size]
    unet = UNet2DConditionModel(
        sample_size=32, in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS, block_out_channels=widths.unet,
        layers_per_block=1, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=widths.text,
        attention_head_dim=tuple(channels // widths.head for channels in widths.unet), norm_num_groups=widths.unet_groups,
        addition_embed_type="text", resnet_time_scale_shift="scale_shift",
    )  # fmt: skip
    # torch's fused attention is slow backwards on CPUs for short sequences: plain matrix products train 20 % faster
    unet.set_attn_processor(AttnProcessor())
    return unet


def build_controlnet(unet: UNet2DConditionModel, size: Size) -> ControlNetModel:
    """A copy of the UNet's encoder with zero-initialised outputs (Zhang et al. 2023, arXiv:2302.05543)."""
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=WIDTHS[size].control)
    controlnet.set_attn_processor(AttnProcessor())
    return controlnet


def build_text_encoder(tokenizer: CLIPTokenizer, size: Size) -> CLIPTextModel:
    """A small CLIP text transformer over the project's own vocabulary."""
    widths = WIDTHS[size]
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=widths.text, intermediate_size=4 * widths.text,
            num_hidden_layers=widths.text_layers, num_attention_heads=max(1, widths.text // 64),
            max_position_embeddings=MAX_TOKENS, projection_dim=widths.text,
            bos_token_id=tokenizer.get_vocab()[START], eos_token_id=tokenizer.get_vocab()[END],
            pad_token_id=tokenizer.get_vocab()[END],
        )
    )  # fmt: skip
    # CLIP starts embeddings at 0.02, as large as its positions: small word vectors, which are learnt late
    embeddings = encoder.get_input_embeddings()
    assert isinstance(embeddings, nn.Embedding)
    embeddings.weight.data.mul_(6)
    return encoder


def build_scheduler() -> DDIMScheduler:
    """v-prediction with zero terminal SNR (Lin et al. 2023, arXiv:2305.08891)."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=True, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
        steps_offset=1,  # trailing timesteps do not use it; pipelines warn of anything else
    )  # fmt: skip
