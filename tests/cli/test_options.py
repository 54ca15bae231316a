from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sd_core import requests
from sd_core.cli.app import make_app
from sd_core.commands.options import build, option_name
from sd_core.commands.text_forms import read_control, read_depth, read_image_prompt, read_lora
from sd_core.errors import RequestError
from sd_core.requests import (
    COMMANDS,
    Control,
    DepthToImage,
    Fill,
    Generation,
    Inpaint,
    Lora,
    MeshTexture,
    Request,
    TextToImage,
)
from sd_core.values import field_specs, to_pillow


def picture(path: Path, height: int = 16, width: int = 24) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    to_pillow(values).save(path)
    return path


def control() -> Control:
    return Control("depth", np.zeros((8, 8, 3), np.uint8))


def given(kind: type[Request], **values: object) -> dict[str, object]:
    return dict.fromkeys((field.name for field in fields(kind)), None) | values


def test_every_kind_of_request_has_one_command() -> None:
    kinds = [kind for kind in vars(requests).values() if isinstance(kind, type) and issubclass(kind, Request)]
    assert sorted(kind.__name__ for kind in kinds if kind not in (Request, Generation)) == sorted(
        kind.__name__ for kind in COMMANDS.values()
    )


@pytest.mark.parametrize(("command", "kind"), COMMANDS.items())
def test_every_field_of_the_request_is_an_option(command: str, kind: type[Request]) -> None:
    text = CliRunner(env={"COLUMNS": "400", "NO_COLOR": "1"}).invoke(make_app(), [command, "--help"]).output
    options = set(re.findall(r"--[a-z][a-z0-9-]*", text))
    unused = kind.unused if issubclass(kind, Generation) else {}
    for name, spec in field_specs(kind).items():
        is_argument = spec.about.position is not None
        assert is_argument or name == "views" or (option_name(spec) in options) is (name not in unused)
        assert name == "views" or name in unused or " ".join(spec.about.help.split()) in " ".join(text.split())


def test_the_options_are_those_that_scripts_use_today() -> None:
    names = {option_name(spec) for kind in COMMANDS.values() for spec in field_specs(kind).values() if spec.many}
    assert names >= {"--lora", "--control", "--map", "--pass-name", "--keyframe"}


def test_an_option_that_a_kind_has_no_use_for_is_refused_by_name() -> None:
    for name, value in (("seamless", "xy"), ("controls", (control(),)), ("num_images", 2)):
        with pytest.raises(RequestError, match="for MeshTexture") as refused:
            build(MeshTexture, given(MeshTexture, prompt="moss", mesh="ball.obj", **{name: value}))
        assert refused.value.field == name and refused.value.hint


def test_what_is_left_out_keeps_the_default_of_the_request() -> None:
    assert build(TextToImage, given(TextToImage, prompt="brick")) == TextToImage(prompt="brick")


def test_paths_become_arrays(tmp_path: Path) -> None:
    image, mask = picture(tmp_path / "a.png"), picture(tmp_path / "m.png")
    request = build(Inpaint, given(Inpaint, prompt="", image=image, mask=mask, fill=Fill.SURROUNDINGS))
    assert request == Inpaint(prompt="", image=image, mask=mask, fill="surroundings")


@pytest.mark.parametrize(
    ("word", "lora"),
    [
        ("moss.safetensors", Lora("moss.safetensors")),
        ("moss.safetensors:0.5", Lora("moss.safetensors", 0.5)),
        ("moss.safetensors:-1", Lora("moss.safetensors", -1)),
        ("C:/moss.safetensors", Lora("C:/moss.safetensors")),
        ("who/what:0.7", Lora("who/what", 0.7)),
    ],
)
def test_a_lora_is_a_path_and_perhaps_a_weight(word: str, lora: Lora) -> None:
    assert read_lora(word) == lora


def test_a_control_has_kind_image_model_and_scale(tmp_path: Path) -> None:
    path = picture(tmp_path / "c.png")
    plain, scaled = read_control(f"depth={path}"), read_control(f"canny={path}:0.5")
    named, both = read_control(f"other={path}:who/what"), read_control(f"other={path}:who/what:2")
    assert (plain.kind, plain.model, plain.scale) == ("depth", None, 1.0)
    assert (scaled.kind, scaled.model, scaled.scale) == ("canny", None, 0.5)
    assert (named.model, named.scale) == ("who/what", 1.0)
    assert (both.model, both.scale) == ("who/what", 2.0)
    assert plain.image.shape == (16, 24, 3)


def test_a_picture_whose_name_holds_a_colon_is_a_picture(tmp_path: Path) -> None:
    assert read_control(f"depth={picture(tmp_path / 'a:b.png')}").model is None


@pytest.mark.parametrize("word", ["depth", "=a.png", "depth="])
def test_half_a_control_names_the_form(word: str) -> None:
    with pytest.raises(RequestError, match=r"KIND=IMAGE"):
        read_control(word)


def test_an_image_prompt_has_a_scale(tmp_path: Path) -> None:
    path = picture(tmp_path / "p.png")
    assert read_image_prompt(f"{path}:0.4").scale == 0.4
    assert read_image_prompt(str(path)).scale == 1.0


def test_depth_is_read_alike_from_npy_and_npz(tmp_path: Path) -> None:
    depth = np.linspace(1, 9, 16 * 24, dtype=np.float32).reshape(16, 24)
    np.save(tmp_path / "d.npy", depth)
    np.savez(tmp_path / "d.npz", depth=depth, other=depth[:4])
    np.savez(tmp_path / "one.npz", depth)
    expected = DepthToImage(prompt="x", depth=depth)
    for name in ("d.npy", "d.npz", "one.npz"):
        assert DepthToImage(prompt="x", depth=read_depth(str(tmp_path / name))) == expected


def test_an_archive_without_depth_names_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(RequestError, match=r"holds a, b"):
        read_depth(str(tmp_path / "d.npz"))


def test_a_damaged_archive_is_a_bad_request(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RequestError, match=r"cannot be read"):
        read_depth(str(tmp_path / "d.npz"))
