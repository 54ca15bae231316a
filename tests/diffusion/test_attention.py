"""Shared attention changes nothing by itself, and only what it is given changes the output."""

import pytest
import torch

from sd_core.diffusion.attention import AttentionBank, shared_attention
from tests.diffusion.networks import text, unet


def run(network: torch.nn.Module, seed: int) -> torch.Tensor:
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return network(x, 500, encoder_hidden_states=text()).sample


def test_an_empty_bank_changes_nothing() -> None:
    network = unet()
    plain = run(network, 0)
    with shared_attention(network, AttentionBank()):
        assert torch.equal(run(network, 0), plain)


def test_tokens_seen_twice_change_nothing_but_others_do() -> None:
    network = unet()
    plain = run(network, 0)
    with shared_attention(network, AttentionBank(recording=True)) as own:
        run(network, 0)
    with shared_attention(network, AttentionBank(recording=True)) as other:
        run(network, 1)
    with shared_attention(network, AttentionBank(references=(own.seen,))):
        # Softmax over every key doubled is softmax over every key.
        torch.testing.assert_close(run(network, 0), plain, atol=1e-5, rtol=1e-4)
    with shared_attention(network, AttentionBank(references=(other.seen,))):
        assert (run(network, 0) - plain).abs().max() > 1e-3


def test_the_processors_are_restored_also_after_an_error() -> None:
    network = unet()
    before = network.attn_processors
    with pytest.raises(ZeroDivisionError), shared_attention(network, AttentionBank()):
        raise ZeroDivisionError
    assert network.attn_processors == before
