"""The UNet and the ControlNet trained at once."""

import pytest
import torch
from torch import nn

from sd_core.training.architecture import build_controlnet, build_unet
from sd_core.training.config import Size
from sd_core.training.team import Team, lead_team
from sd_core.training.text_to_image import NoisyBatch, steered_velocity

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lesson() -> NoisyBatch:
    torch.manual_seed(0)
    noisy = torch.randn(3, 8, 8, 8)
    return NoisyBatch(noisy, torch.tensor([900, 500, 100]), torch.randn(3, 77, 64), torch.zeros_like(noisy))


@torch.no_grad()
def test_only_the_last_of_a_batch_are_steered(lesson: NoisyBatch) -> None:
    unet = build_unet(Size.TINY).eval()
    controlnet = build_controlnet(unet, Size.TINY).eval()
    for convolution in (*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block):
        nn.init.normal_(convolution.weight)  # zero until they are trained
    free = unet(lesson.noisy, lesson.timesteps, lesson.embeddings).sample
    mixed = steered_velocity(unet, controlnet, lesson, torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(mixed[:2], free[:2])
    assert (mixed[2] - free[2]).abs().max() > 0.01
    unsteered = steered_velocity(unet, controlnet, lesson, torch.empty(0, 3, 64, 64))
    assert torch.equal(unsteered, free)


def _averaged(team: Team) -> list[torch.Tensor]:
    """Gradients after averaging: the leading process has one of two, the other none."""
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))]
    if team.leads:
        parameters[1].grad = torch.full((2, 2), 4.0)
    team.average_gradients(parameters)
    return [torch.as_tensor(parameter.grad) for parameter in parameters]


def test_a_gradient_that_one_process_lacks_counts_as_zero() -> None:
    with lead_team(2, _averaged) as team:
        first, second = _averaged(team)
    assert torch.equal(first, torch.zeros(3))
    assert torch.equal(second, torch.full((2, 2), 2.0))
