"""A picture that is moved under the network and back: with all that belongs to it, by its seed, along its axes."""

from functools import partial

import pytest
import torch
from torch import Tensor

from sd_core.diffusion.conditioning import Conditioning
from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.loop import Predict
from sd_core.diffusion.predict import PredictInputs, make_predict, make_rolled_predict
from sd_core.diffusion.rolling import Rolling
from sd_core.diffusion.schedule import Step
from sd_core.requests import Seamless
from tests.diffusion.networks import controlnet, model, t2i_adapter, text

CONDITIONING = Conditioning(torch.zeros(1, 5, 16), guided=False, guidance_scale=1.0)
CELLS = (6, 10)
SCALE = 8
STEPS = 50


def step(index: int) -> Step:
    return Step(index, STEPS, torch.tensor(500))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def inputs(pictures: int) -> PredictInputs:
    """A control picture for all, and extra channels for each."""
    control = ActiveControl(controlnet(), random(1, 3, CELLS[0] * SCALE, CELLS[1] * SCALE, seed=1), 1.0, 0.0, 1.0)
    return PredictInputs(CONDITIONING, (control,), random(pictures, 1, *CELLS, seed=2))


def cell_by_cell(conditions: PredictInputs) -> Predict:
    """A network that sees one cell at a time, of latents, control picture and extra channels."""
    (control,), extra = conditions.controls, conditions.extra_channels
    assert extra is not None
    seen = torch.nn.functional.avg_pool2d(control.hint, SCALE).sum(dim=1, keepdim=True)
    return lambda latents, _: latents * seen + extra


def numbers(along: int, rolling: Rolling, index: int) -> Tensor:
    """(lh, lw): what a network that numbers its rows, or columns, from 0 says of a picture that is moved under it."""

    def counted(_: PredictInputs) -> Predict:
        return lambda latents, _: torch.ones_like(latents).cumsum(along) - 1

    predict = make_rolled_predict(counted, PredictInputs(CONDITIONING), rolling, SCALE)
    return predict(torch.zeros(1, 4, *CELLS), step(index))[0, 0]


@pytest.mark.parametrize("axes", [Seamless.X, Seamless.Y, Seamless.XY])
def test_a_network_that_sees_single_cells_predicts_the_same(axes: Seamless) -> None:
    conditions, latents = inputs(2), random(2, 4, *CELLS)
    predict = make_rolled_predict(cell_by_cell, conditions, Rolling(axes, (3, 4)), SCALE)
    for index in range(4):
        assert torch.equal(predict(latents, step(index)), cell_by_cell(conditions)(latents, step(index)))


@pytest.mark.parametrize(("axes", "along", "across"), [(Seamless.X, -1, -2), (Seamless.Y, -2, -1)])
def test_the_border_comes_to_lie_everywhere_but_only_along_the_axes(axes: Seamless, along: int, across: int) -> None:
    rolling = Rolling(axes, (3,))
    borders = {int(numbers(along, rolling, index).select(across, 0).argmin()) for index in range(STEPS)}
    assert borders == set(range(CELLS[along]))
    still = [numbers(across, rolling, index).select(along, 0) for index in range(STEPS)]
    assert all(torch.equal(column, torch.arange(float(CELLS[across]))) for column in still)


def test_a_picture_moves_by_its_own_seed_alone_and_in_a_batch() -> None:
    together = Rolling(Seamless.XY, (3, 4))
    alone = [Rolling(Seamless.XY, (seed,)) for seed in together.seeds]
    moves = [together.offsets(step(index), CELLS) for index in range(STEPS)]
    assert moves == [[one.offsets(step(index), CELLS)[0] for one in alone] for index in range(STEPS)]
    assert moves[0] == together.offsets(step(0), CELLS)
    assert len(set(map(tuple, moves))) > STEPS // 2


@torch.no_grad()
def test_a_batch_is_predicted_as_its_pictures_alone() -> None:
    """Guided, and with a ControlNet and a T2I-Adapter, whose one picture moves with each of the batch by another way."""
    whole = model()
    hint, latents = random(1, 3, 128, 128, seed=1), random(2, 4, 16, 16)
    networks = controlnet(), t2i_adapter("full_adapter")
    controls = tuple(ActiveControl(network, hint, 1.0, 0.0, 1.0) for network in networks)
    conditions = PredictInputs(Conditioning(torch.cat([text() * 0, text()]), guided=True, guidance_scale=3.0), controls)

    def predicted(pictures: Tensor, *seeds: int) -> Tensor:
        rolling = Rolling(Seamless.XY, seeds)
        return make_rolled_predict(partial(make_predict, whole), conditions, rolling, SCALE)(pictures, step(0))

    together = predicted(latents, 3, 4)
    alone = torch.cat([predicted(latents[:1], 3), predicted(latents[1:], 4)])
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(together, predicted(latents, 4, 3), atol=1e-2)
