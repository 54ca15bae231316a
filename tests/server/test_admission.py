"""What a request may name, and how much it may ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sd_core.cli.app import make_app
from sd_core.errors import NotAllowed, RequestError
from sd_core.requests import (
    Animation,
    Control,
    ImagePrompt,
    ImageToImage,
    Lora,
    MeshTexture,
    PassName,
    Request,
    TextToImage,
    Upscale,
)
from sd_core.server.admission import allowed_by, check_json, check_limits, with_files, without_files
from sd_core.server.identity import read_tokens
from sd_core.server.settings import Limits, ServerSettings
from sd_core.trust import Allowed
from tests.server.servers import adjust

PICTURE = adjust(1).image


def check(request: Request, allowed: Allowed) -> None:
    check_json(json.loads(request.to_json()), {"frame.exr"}, allowed)


@pytest.fixture
def allowed(tmp_path: Path) -> Allowed:
    """Those of a server for which one hub id and the folder `models` were allowed when it was started."""
    folder = tmp_path / "models"
    (folder / "inside").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    settings = ServerSettings(home=tmp_path / "server", allow_models=("somebody/model", str(folder)), model="/its/own")
    return allowed_by(settings)


@pytest.mark.parametrize(
    "name", ["builtin", "/its/own", "somebody/model", "{}/models", "{}/models/inside", "{}/models/missing"]
)
def test_models_of_the_list_and_below_its_folders_may_be_named(allowed: Allowed, tmp_path: Path, name: str) -> None:
    check(TextToImage(prompt="a", model=name.format(tmp_path)), allowed)


@pytest.mark.parametrize(
    "name",
    [
        "somebody/other", "{}/secret", "{}/models/../secret", "{}/models/link", "models/inside", "/", "~/models",
        "attachment:frame.exr", "{}/server/jobs/id/files/frame.exr", "{}/server/blobs/ab/abcd",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["model", "loras", "controls", "image_prompt", "controlnet", "depth_estimator"])
def test_no_other_model_may_be_named_wherever_it_stands(
    allowed: Allowed, tmp_path: Path, name: str, field: str
) -> None:
    named = name.format(tmp_path)
    value: dict[str, Any] = {
        "loras": (Lora(named),),
        "controls": (Control("depth", PICTURE, model=named),),
        "image_prompt": ImagePrompt(PICTURE, model=named),
    }
    request = Animation(prompt="a", passes="attachment:frame.exr", **{field: value.get(field, named)})
    with pytest.raises(NotAllowed, match="does not offer") as caught:
        check(request, allowed)
    assert caught.value.field.startswith(field)
    assert caught.value.names[0]["shown"] == named  # not what it means on the server's machine
    assert "sd-core models allow" in caught.value.hint


def test_names_that_are_no_models_are_no_matter_of_the_rule(allowed: Allowed) -> None:
    named = (PassName("depth", "/etc/passwd"),)
    check(Animation(prompt="/etc/passwd", passes="attachment:frame.exr", pass_names=named), allowed)


def test_a_depth_estimator_may_be_named_where_it_is_allowed(allowed: Allowed) -> None:
    check(Animation(prompt="a", passes=("attachment:frame.exr",), depth_estimator="somebody/model"), allowed)


@pytest.mark.parametrize("name", ["frame.exr", "/etc/passwd", "attachment:other.exr", "attachment:../frame.exr"])
@pytest.mark.parametrize("field", ["passes", "mesh"])
def test_only_files_that_were_sent_may_be_named(allowed: Allowed, name: str, field: str) -> None:
    request = (Animation if field == "passes" else MeshTexture)(prompt="a", **{field: name})  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="was not sent"):
        check(request, allowed)


def test_text_in_place_of_an_array_is_refused(allowed: Allowed) -> None:
    with pytest.raises(RequestError, match="image: is text where an array belongs"):
        check_json({"type": "ImageToImage", "prompt": "a", "image": "/etc/passwd"}, (), allowed)


def test_an_attachment_never_becomes_a_model(tmp_path: Path) -> None:
    request = Animation(
        prompt="a", passes="attachment:a.exr", model="attachment:a.exr", loras=(Lora("attachment:a.exr"),)
    )
    laid_out = with_files(request, {"a.exr": tmp_path / "a.exr"})
    assert isinstance(laid_out, Animation)
    assert (laid_out.passes, laid_out.model) == (str(tmp_path / "a.exr"), "attachment:a.exr")
    assert laid_out.loras == request.loras
    assert without_files(laid_out, {"a.exr": tmp_path / "a.exr"}) == request


def test_a_name_of_megabytes_is_not_sent_back(allowed: Allowed) -> None:
    with pytest.raises(NotAllowed) as caught:
        check(TextToImage(prompt="a", model="x" * 10**6), allowed)
    assert len(json.dumps(caught.value.to_dict())) < 10_000


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
    assert not ServerSettings(home=tmp_path, host=host, token="secret" * 4).is_local
    for own in ("127.0.0.1", "localhost", "::1"):
        assert ServerSettings(home=tmp_path, host=own).is_local


@pytest.mark.parametrize("token", ["a", "a" * 15, "with spaces in between", "ein-längeres-Geheimnis", "a" * 20 + "\n"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - compared with
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, token: str, host: str) -> None:
    with pytest.raises(RequestError, match="at least 16"):
        ServerSettings(home=tmp_path, host=host, token=token)


def test_nobody_in_the_tokens_file_has_the_token_of_the_server(tmp_path: Path) -> None:
    path, token = tmp_path / "tokens.toml", "the-one-of-the-server"
    path.write_text(f'[anna]\ntoken = "{token}"\n')
    path.chmod(0o600)
    tokens = read_tokens(path)
    with pytest.raises(RequestError, match="give anna the token of the server"):
        ServerSettings(home=tmp_path, token=token, tokens=tokens)
    assert ServerSettings(home=tmp_path, token=f"{token}-itself", tokens=tokens).tokens


@pytest.mark.parametrize(
    "arguments", [("--model", "/nope"), ("--model", "./nope"), ("--model", ""), ("--device", "nonsense")]
)
def test_a_server_is_not_started_for_a_model_or_device_that_there_cannot_be(
    tmp_path: Path, arguments: tuple[str, str]
) -> None:
    done = CliRunner().invoke(make_app(), ["serve", "--home", str(tmp_path / "home"), *arguments])
    assert done.exit_code == 2
    assert arguments[0].strip("-") in done.output
    assert not (tmp_path / "home").exists()
