"""A seamless network shifts its output as its input is shifted, and is itself again afterwards."""

import pytest
import torch
from peft import LoraConfig
from torch import Tensor, nn

from sd_core.diffusion.seamless import check_wraps, seamless
from sd_core.errors import RequestError
from sd_core.requests import Seamless
from tests.diffusion.networks import controlnet, t2i_adapter, text, unet, vae

AXES = {Seamless.X: (-1,), Seamless.Y: (-2,), Seamless.XY: (-2, -1)}


def error(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / a.abs().max())


def latents(size: int = 16) -> Tensor:
    return torch.randn(1, 4, size, size, generator=torch.Generator().manual_seed(9))


def rolled(x: Tensor, shift: int, dims: tuple[int, ...]) -> Tensor:
    return x.roll([shift] * len(dims), dims)


@torch.no_grad()
def unet_error(network: nn.Module, axes: Seamless, dims: tuple[int, ...]) -> float:
    with seamless([network], axes):
        run = lambda x: network(x, 500, encoder_hidden_states=text()).sample  # noqa: E731
        return error(run(rolled(latents(), 6, dims)), rolled(run(latents()), 6, dims))


@pytest.mark.parametrize("axes", AXES)
def test_the_unet_is_shift_equivariant_along_the_wrapped_axes(axes: Seamless) -> None:
    assert unet_error(unet(), axes, AXES[axes]) < 1e-4


def test_without_wrapping_it_is_not() -> None:
    assert unet_error(unet(), Seamless.NONE, (-1,)) > 0.01
    assert unet_error(unet(), Seamless.X, (-2,)) > 0.01


@torch.no_grad()
@pytest.mark.parametrize("axes", AXES)
def test_the_controlnet_is_shift_equivariant(axes: Seamless) -> None:
    network, hint = controlnet(), torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(4))

    def run(x: Tensor, picture: Tensor) -> Tensor:
        down, mid = network(x, 500, encoder_hidden_states=text(), controlnet_cond=picture, return_dict=False)
        assert mid.abs().max() > 0
        return down[0]

    with seamless([network], axes):
        moved = run(rolled(latents(), 6, AXES[axes]), rolled(hint, 48, AXES[axes]))
        assert error(moved, rolled(run(latents(), hint), 6, AXES[axes])) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("adapter_type", ["full_adapter", "full_adapter_xl", "light_adapter"])
@pytest.mark.parametrize("axes", AXES)
def test_the_t2i_adapter_is_shift_equivariant(axes: Seamless, adapter_type: str) -> None:
    network, dims = t2i_adapter(adapter_type), AXES[axes]
    hint = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(4))

    def errors() -> list[float]:
        moved = network(rolled(hint, 32, dims))
        return [
            error(rolled(feature, feature.shape[-1] // 4, dims), other)
            for feature, other in zip(network(hint), moved, strict=True)
        ]

    with seamless([network], axes):
        assert max(errors()) < 1e-4
    assert min(errors()) > 0.01


@pytest.mark.parametrize("axes", AXES)
def test_lora_on_convolutions_wraps_too(axes: Seamless) -> None:
    network = unet()
    network.add_adapter(LoraConfig(r=4, target_modules=["conv1", "conv2", "to_q"], init_lora_weights=False))
    assert unet_error(network, axes, AXES[axes]) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("axes", AXES)
def test_the_vae_is_shift_equivariant_both_ways(axes: Seamless) -> None:
    network, dims = vae(), AXES[axes]
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    with seamless([network], axes):
        encode = lambda x: network.encode(x).latent_dist.mean  # noqa: E731
        decode = lambda z: network.decode(z).sample  # noqa: E731
        assert error(encode(rolled(pixels, 8, dims)), rolled(encode(pixels), 1, dims)) < 1e-4
        assert error(decode(rolled(latents(8), 1, dims)), rolled(decode(latents(8)), 8, dims)) < 1e-4


@torch.no_grad()
def test_everything_is_restored_also_after_an_error() -> None:
    networks = [unet(), controlnet(), t2i_adapter("full_adapter"), vae()]
    padding = [m.padding for n in networks for m in n.modules() if hasattr(m, "padding")]
    before = networks[0](latents(), 500, encoder_hidden_states=text()).sample
    with pytest.raises(ZeroDivisionError), seamless(networks, Seamless.XY):
        raise ZeroDivisionError
    assert [m.padding for n in networks for m in n.modules() if hasattr(m, "padding")] == padding
    assert not any(m._forward_pre_hooks for n in networks for m in n.modules())
    assert torch.equal(networks[0](latents(), 500, encoder_hidden_states=text()).sample, before)


def test_a_size_that_breaks_the_symmetry_is_refused_with_sizes_that_do_not() -> None:
    check_wraps((256, 512), Seamless.XY, 8, 8)
    check_wraps((264, 512), Seamless.X, 8, 8)
    with pytest.raises(
        RequestError, match=r"height: .*multiple of 64, got 264; use 256 or 320, or seamless_method='rolling'"
    ):
        check_wraps((264, 512), Seamless.XY, 8, 8)
