"""Every text in a request is known for what it is: plain text, a model, or a file."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest

from sd_core.errors import RequestError
from sd_core.requests import Animation, Control, ImagePrompt, Keyframe, Lora, MeshTexture, PassName, Request, Texture
from sd_core.trust import ExternalName, external_names
from sd_core.values import JSON_TYPES, Role, Value, field_specs
from tests.server.servers import adjust

PICTURE = adjust(1).image

EVERYTHING = Animation(
    prompt="plain words",
    model="the model",
    loras=(Lora("first"), Lora("second")),
    controls=(Control("depth", PICTURE, model="a control"), Control("canny", PICTURE)),
    image_prompt=ImagePrompt(PICTURE, model="an adapter"),
    passes=("one.exr", "two.exr"),
    pass_names=(PassName("depth", "zdepth"),),
    depth_estimator="a depth",
    controlnet="a net",
    keyframes=(Keyframe(0, prompt="more words"),),
)

NAMES = [
    ExternalName("model", Role.MODEL, "the model"),
    ExternalName("loras[0].path", Role.LORA, "first"),
    ExternalName("loras[1].path", Role.LORA, "second"),
    ExternalName("controls[0].model", Role.CONTROLNET, "a control"),
    ExternalName("image_prompt.model", Role.IMAGE_PROMPT, "an adapter"),
    ExternalName("passes[0]", Role.FILE, "one.exr"),
    ExternalName("passes[1]", Role.FILE, "two.exr"),
    ExternalName("depth_estimator", Role.DEPTH_ESTIMATOR, "a depth"),
    ExternalName("controlnet", Role.CONTROLNET, "a net"),
]


def holds_text(hint: object) -> bool:
    """Whether a type lets text in, below unions and tuples too."""
    return (isinstance(hint, type) and issubclass(hint, str)) or any(map(holds_text, get_args(hint)))


@pytest.mark.parametrize("cls", JSON_TYPES.values())
def test_each_field_that_takes_text_is_plain_text_or_has_a_role(cls: type[Value]) -> None:
    hints = get_type_hints(cls)
    for name, spec in field_specs(cls).items():
        assert holds_text(hints[name]) == (spec.is_plain or spec.role.is_outside), f"{cls.__name__}.{name}"


def test_all_that_a_request_names_is_found_with_its_place() -> None:
    assert external_names(EVERYTHING) == NAMES
    assert external_names(Texture(prompt="a", estimator="e")) == [ExternalName("estimator", Role.ESTIMATOR, "e")]
    assert external_names(MeshTexture(prompt="a", mesh="m.obj")) == [ExternalName("mesh", Role.FILE, "m.obj")]


@pytest.mark.parametrize(
    "request_", [EVERYTHING, Texture(prompt="a", estimator="e"), MeshTexture(prompt="a", mesh="m"), adjust(1)]
)
def test_json_of_a_request_names_what_the_request_names(request_: Request) -> None:
    assert external_names(json.loads(request_.to_json())) == external_names(request_)


def test_a_part_in_a_strange_place_is_looked_into_all_the_same() -> None:
    hidden = {"type": "TextToImage", "prompt": {"type": "Lora", "path": "x"}, "seed": [[{"type": "Mesh", "uvs": "y"}]]}
    assert external_names(hidden) == [ExternalName("prompt.path", Role.LORA, "x")]


def test_json_that_nests_for_ever_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(RequestError, match="too deeply"):
        external_names({"type": "TextToImage", "model": deep})
