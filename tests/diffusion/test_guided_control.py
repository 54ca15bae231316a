"""Guidance that strengthens controls as it does the prompt: they act on the conditional prediction alone."""

import pytest
import torch
from torch import Tensor

from sd_core.diffusion.conditioning import Conditioning
from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.predict import PredictInputs, make_predict
from sd_core.diffusion.schedule import Step
from tests.diffusion.networks import controlnet, model, t2i_adapter, text

SCALE = 2.5
STEP = Step(0, 20, torch.tensor(500))
EMBEDDINGS = torch.cat([torch.zeros(1, 5, 16), text()])
LATENTS = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(5))


def control(network: str) -> ActiveControl:
    hint = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    return ActiveControl(controlnet() if network == "controlnet" else t2i_adapter("full_adapter"), hint, 1.0, 0.0, 1.0)


def alone(embeddings: Tensor, *controls: ActiveControl) -> Tensor:
    """What the network says in one pass without guidance."""
    conditioning = Conditioning(embeddings, guided=False, guidance_scale=1.0)
    return make_predict(model(), PredictInputs(conditioning, controls))(LATENTS, STEP)


@torch.no_grad()
@pytest.mark.parametrize("network", ["controlnet", "t2i_adapter"])
@pytest.mark.parametrize("guided_control", [True, False])
def test_controls_act_on_one_prediction_or_on_both(network: str, guided_control: bool) -> None:
    steered = control(network)
    free = alone(EMBEDDINGS[:1]) if guided_control else alone(EMBEDDINGS[:1], steered)
    expected = free + SCALE * (alone(EMBEDDINGS[1:], steered) - free)
    conditioning = Conditioning(EMBEDDINGS, guided=True, guidance_scale=SCALE)
    made = make_predict(model(guided_control=guided_control), PredictInputs(conditioning, (steered,)))(LATENTS, STEP)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)
    assert (alone(EMBEDDINGS[1:], steered) - alone(EMBEDDINGS[1:])).abs().max() > 0.01, "the control does something"


@torch.no_grad()
def test_added_conditions_lose_their_unconditional_rows_too() -> None:
    added = {"text_embeds": torch.arange(2.0)[:, None], "image_embeds": torch.zeros(2, 1)}
    seen: list[dict[str, Tensor]] = []
    steered = control("controlnet")
    steered.network.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["added_cond_kwargs"]), with_kwargs=True
    )
    conditioning = Conditioning(EMBEDDINGS, True, SCALE, added)
    make_predict(model(guided_control=True), PredictInputs(conditioning, (steered,)))(LATENTS, STEP)
    assert {name: value.ravel().tolist() for name, value in seen[0].items()} == {
        "text_embeds": [1.0, 1.0],
        "image_embeds": [0.0, 0.0],
    }
