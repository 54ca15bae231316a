"""What a request may name, and how much it may ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sd_core.errors import RequestError
from sd_core.requests import Control, ImageToImage, Lora, Request, TextToImage, Upscale
from sd_core.server.rules import ModelRules, check_json, check_limits
from sd_core.server.settings import Limits, ServerSettings
from tests.server.servers import adjust

PICTURE = adjust(1).image


def check(request: Request, models: ModelRules) -> None:
    check_json(json.loads(request.to_json()), {}, models)


@pytest.fixture
def rules(tmp_path: Path) -> ModelRules:
    """Those of a server for others: the built-in model, one hub id, and the folder `models`."""
    folder = tmp_path / "models"
    (folder / "inside").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    return ModelRules({"builtin"}, ["somebody/model", str(folder)])


@pytest.mark.parametrize("name", ["builtin", "somebody/model", "{}/models", "{}/models/inside", "{}/models/missing"])
def test_models_of_the_list_and_below_its_folders_may_be_named(rules: ModelRules, tmp_path: Path, name: str) -> None:
    check(TextToImage(prompt="a", model=name.format(tmp_path)), rules)


@pytest.mark.parametrize(
    "name", ["somebody/other", "{}/secret", "{}/models/../secret", "{}/models/link", "models/inside", "/", "~/models"]
)
@pytest.mark.parametrize("field", ["model", "loras", "controls"])
def test_no_other_model_may_be_named_wherever_it_stands(
    rules: ModelRules, tmp_path: Path, name: str, field: str
) -> None:
    named = name.format(tmp_path)
    value: dict[str, Any] = {
        "model": named,
        "loras": (Lora(named),),
        "controls": (Control("depth", PICTURE, model=named),),
    }
    with pytest.raises(RequestError, match="does not offer") as caught:
        check(TextToImage(prompt="a", **{field: value[field]}), rules)
    assert caught.value.field.startswith(field)


def test_on_this_machine_any_model_may_be_named(tmp_path: Path) -> None:
    check(TextToImage(prompt="a", model=str(tmp_path)), ModelRules({"builtin"}, None))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (TextToImage(prompt="a" * 101), "prompt"),
        (TextToImage(prompt="a", negative_prompt="a" * 101), "negative_prompt"),
        (TextToImage(prompt="a", width=128, height=136), "width"),
        (TextToImage(prompt="a", width=64, height=64, num_images=5), "width"),
        (Upscale(prompt="a", image=PICTURE.repeat(4, axis=0).repeat(4, axis=1), scale=4), "width"),
    ],
)
def test_what_asks_for_too_much_is_refused_at_its_field(request_: Request, field: str) -> None:
    limits = Limits(prompt=100, pixels=128 * 128)
    with pytest.raises(RequestError) as caught:
        check_limits(request_, limits)
    assert caught.value.field == field


def test_what_asks_for_just_as_much_as_there_may_be_is_let_in() -> None:
    limits = Limits(prompt=100, pixels=128 * 128)
    for held in (
        TextToImage(prompt="a" * 100, width=64, height=64, num_images=4),
        ImageToImage(prompt="a", image=PICTURE),
    ):
        check_limits(held, limits)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gpu-box"])  # noqa: S104 - compared with
def test_any_address_but_loopback_needs_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(RequestError, match="needed to listen"):
        ServerSettings(home=tmp_path, host=host)
    assert not ServerSettings(home=tmp_path, host=host, token="secret").is_local  # noqa: S106
    for own in ("127.0.0.1", "localhost", "::1"):
        assert ServerSettings(home=tmp_path, host=own).is_local
