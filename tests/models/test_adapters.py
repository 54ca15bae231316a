"""LoRAs, textual inversions and picture prompts: what they change, and that nothing of them stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sd_core.diffusion.text import encode_prompt
from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models import Model, with_adapters
from sd_core.requests import ImagePrompt, Lora
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.models.snapshots import assert_same, snapshot
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat, tiny_textual_inversion

KINDS = (TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL)
PICTURE = np.random.default_rng(0).random((48, 40, 3), dtype=np.float32)


def predict(model: Model, **added: object) -> torch.Tensor:
    """The UNet's answer to one fixed question."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, model.unet.config.in_channels, 8, 8, generator=generator)
    embeds = encode_prompt(model, "a red brick wall", "", guided=False)
    conditions = dict(added)
    if embeds.pooled is not None:
        conditions |= {"text_embeds": embeds.pooled, "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]])}
    with torch.no_grad():
        return model.unet(x, 500, embeds.prompt, added_cond_kwargs=conditions or None).sample


@pytest.mark.parametrize("layout", list(LoraFormat))
@pytest.mark.parametrize("kind", KINDS)
def test_a_lora_changes_the_prediction_and_leaves_nothing_behind(
    loaded: Loaded, lora: Built, kind: TinyKind, layout: LoraFormat
) -> None:
    model = loaded(kind)
    before, plain = snapshot(model), predict(model)
    with with_adapters(model, (Lora(lora(kind, layout), 0.7),), None):
        changed = predict(model)
    assert not torch.allclose(plain, changed, atol=1e-3)
    assert_same(before, snapshot(model))
    assert torch.equal(plain, predict(model))


def test_a_lora_of_weight_zero_changes_nothing(loaded: Loaded, lora: Built) -> None:
    model = loaded(TinyKind.SD1)
    with with_adapters(model, (Lora(lora(TinyKind.SD1, LoraFormat.KOHYA), 0.0),), None):
        assert torch.allclose(predict(model), predict_plain(loaded), atol=1e-6)


def predict_plain(loaded: Loaded) -> torch.Tensor:
    """What an untouched copy predicts; the shared one is adapted just now."""
    from sd_core.models import load_model

    shared = loaded(TinyKind.SD1)
    return predict(load_model(shared.name, shared.placement))


def test_the_order_of_loras_does_not_matter(loaded: Loaded, lora: Built) -> None:
    model = loaded(TinyKind.SD1)
    first = Lora(lora(TinyKind.SD1, LoraFormat.DIFFUSERS, 3), 0.5)
    second = Lora(lora(TinyKind.SD1, LoraFormat.KOHYA, 7), -0.3)
    with with_adapters(model, (first, second), None):
        one_way = predict(model)
    with with_adapters(model, (second, first), None):
        other_way = predict(model)
    with with_adapters(model, (first,), None):
        alone = predict(model)
    assert torch.allclose(one_way, other_way, atol=1e-5)
    assert not torch.allclose(one_way, alone, atol=1e-3)


def test_an_error_inside_leaves_nothing_behind(loaded: Loaded, lora: Built, ip_adapter: Built) -> None:
    model = loaded(TinyKind.SD1)
    before = snapshot(model)
    files = (Lora(lora(TinyKind.SD1, LoraFormat.DIFFUSERS)),)
    prompt = ImagePrompt(PICTURE, model=ip_adapter(TinyKind.SD1))
    with pytest.raises(ZeroDivisionError), with_adapters(model, files, prompt):
        raise ZeroDivisionError
    assert_same(before, snapshot(model))


@pytest.mark.parametrize("layout", list(LoraFormat))
@pytest.mark.parametrize(("made_for", "used_on"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_a_lora_of_another_family_is_refused_before_torch_sees_it(
    loaded: Loaded, lora: Built, made_for: TinyKind, used_on: TinyKind, layout: LoraFormat
) -> None:
    model = loaded(used_on)
    before = snapshot(model)
    file = lora(made_for, layout)
    with (
        pytest.raises(ModelMismatch, match=rf"{file.name} was made for .* is {model.family}"),
        with_adapters(model, (Lora(file),), None),
    ):
        pass
    assert_same(before, snapshot(model))


def test_a_second_lora_that_does_not_fit_takes_the_first_one_off_again(
    loaded: Loaded, lora: Built, tmp_path: Path
) -> None:
    model = loaded(TinyKind.SD1)
    before = snapshot(model)
    stranger = tmp_path / "stranger.safetensors"
    layer = "unet.down_blocks.0.resnets.0.conv1"
    save_file(
        {f"{layer}.lora_A.weight": torch.zeros(2, 5, 3, 3), f"{layer}.lora_B.weight": torch.zeros(9, 2, 1, 1)}, stranger
    )
    files = (Lora(lora(TinyKind.SD1, LoraFormat.DIFFUSERS)), Lora(stranger))
    with pytest.raises(ModelMismatch, match="does not fit"), with_adapters(model, files, None):
        pass
    assert_same(before, snapshot(model))


def test_a_missing_lora_is_named(loaded: Loaded) -> None:
    with (
        pytest.raises(ModelNotFound, match=r"nowhere\.safetensors: no such file"),
        with_adapters(loaded(TinyKind.SD1), (Lora("./nowhere.safetensors"),), None),
    ):
        pass


def test_a_damaged_lora_is_named(loaded: Loaded, lora: Built, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(lora(TinyKind.SD1, LoraFormat.KOHYA).read_bytes()[:2000])
    with (
        pytest.raises(ModelMismatch, match=r"broken\.safetensors is damaged"),
        with_adapters(loaded(TinyKind.SD1), (Lora(broken),), None),
    ):
        pass


def test_a_pickled_lora_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    pickled = tmp_path / "old.bin"
    torch.save({}, pickled)
    with pytest.raises(ModelMismatch, match="pickle"), with_adapters(loaded(TinyKind.SD1), (Lora(pickled),), None):
        pass


def test_a_textual_inversion_gives_its_word_a_meaning_and_leaves_nothing_behind(loaded: Loaded, tmp_path: Path) -> None:
    model = loaded(TinyKind.SD1)
    before = snapshot(model)
    file = tiny_textual_inversion(tmp_path / "moss.safetensors", "<moss>", width=32, vectors=3)
    plain = encode_prompt(model, "a <moss> wall", "", guided=False).prompt
    with with_adapters(model, (Lora(file),), None):
        learnt = encode_prompt(model, "a <moss> wall", "", guided=False).prompt
        tokens = model.tokenizers[0]("<moss>", add_special_tokens=False).input_ids
    assert len(tokens) == 1
    assert not torch.allclose(plain, learnt, atol=1e-3)
    assert_same(before, snapshot(model))
    assert torch.equal(plain, encode_prompt(model, "a <moss> wall", "", guided=False).prompt)


def test_a_textual_inversion_for_two_encoders_bears_the_name_of_its_file(loaded: Loaded, tmp_path: Path) -> None:
    model = loaded(TinyKind.SDXL)
    before = snapshot(model)
    generator = torch.Generator().manual_seed(0)
    file = tmp_path / "zyzzyva.safetensors"
    save_file({key: torch.randn(2, 32, generator=generator) for key in ("clip_l", "clip_g")}, file)
    plain = encode_prompt(model, "a zyzzyva wall", "", guided=False).prompt
    with with_adapters(model, (Lora(file),), None):
        learnt = encode_prompt(model, "a zyzzyva wall", "", guided=False).prompt
    assert not torch.allclose(plain[..., :32], learnt[..., :32], atol=1e-3)
    assert not torch.allclose(plain[..., 32:], learnt[..., 32:], atol=1e-3)
    assert_same(before, snapshot(model))


def test_an_empty_file_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    file = tmp_path / "empty.safetensors"
    save_file({}, file)
    with pytest.raises(ModelMismatch, match="empty"), with_adapters(loaded(TinyKind.SD1), (Lora(file),), None):
        pass


def test_a_textual_inversion_of_another_width_is_refused(loaded: Loaded, tmp_path: Path) -> None:
    file = tiny_textual_inversion(tmp_path / "moss.safetensors", "<moss>", width=48)
    with pytest.raises(ModelMismatch, match="48 against 32"), with_adapters(loaded(TinyKind.SD1), (Lora(file),), None):
        pass


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL, TinyKind.SD1_INPAINT])
def test_a_picture_prompt_changes_the_prediction_and_leaves_nothing_behind(
    loaded: Loaded, ip_adapter: Built, kind: TinyKind
) -> None:
    model = loaded(kind)
    before, plain = snapshot(model), predict(model)
    with with_adapters(model, (), ImagePrompt(PICTURE, model=ip_adapter(kind))) as adapters:
        embeds = adapters.image_embeds(guided=False)
        changed = predict(model, image_embeds=embeds)
        guided = adapters.image_embeds(guided=True)
    assert embeds is not None and guided is not None
    assert torch.equal(guided[0][1], embeds[0][0]) and not guided[0][0].any()
    assert not torch.allclose(plain, changed, atol=1e-3)
    assert_same(before, snapshot(model))
    assert torch.equal(plain, predict(model))


def test_a_picture_prompt_of_scale_zero_changes_nothing(loaded: Loaded, ip_adapter: Built) -> None:
    model = loaded(TinyKind.SD1)
    plain = predict(model)
    with with_adapters(model, (), ImagePrompt(PICTURE, 0.0, model=ip_adapter(TinyKind.SD1))) as adapters:
        assert torch.allclose(predict(model, image_embeds=adapters.image_embeds(guided=False)), plain, atol=1e-6)


def test_a_picture_prompt_of_another_family_is_refused(loaded: Loaded, ip_adapter: Built) -> None:
    folder = ip_adapter(TinyKind.SDXL) / "sdxl_models"
    with (
        pytest.raises(ModelMismatch, match=r"is sd1 \(text width 64 against 32\)"),
        with_adapters(loaded(TinyKind.SD1), (), ImagePrompt(PICTURE, model=folder)),
    ):
        pass


def test_without_a_known_picture_prompt_the_message_says_so(loaded: Loaded) -> None:
    with (
        pytest.raises(ModelMismatch, match="no IP-Adapter is known for sd2"),
        with_adapters(loaded(TinyKind.SD2), (), ImagePrompt(PICTURE)),
    ):
        pass
