"""Every field of every request and part is described once, and front ends, frames and views can rely on it."""

from __future__ import annotations

import numpy as np
import pytest

from sd_core.errors import RequestError
from sd_core.requests import (
    Animation,
    Control,
    DepthToImage,
    Generation,
    ImagePrompt,
    ImageToImage,
    Lora,
    MeshTexture,
    Request,
    request_kinds,
)
from sd_core.requests.inherit import picture_request
from sd_core.values import JSON_TYPES, About, FieldSpec, Role, Scope, Value, field, field_specs, keyword_only
from sd_core.values.checks import flag, number, optional, path

EVERY_FIELD = [
    pytest.param(kind, spec, id=f"{kind.__name__}.{spec.name}")
    for kind in JSON_TYPES.values()
    for spec in field_specs(kind).values()
]
SEQUENCES = (Animation, MeshTexture)
PICTURE = np.full((64, 64, 3), 9, np.uint8)


@pytest.mark.parametrize(("kind", "spec"), EVERY_FIELD)
def test_a_field_has_a_label_a_line_of_help_a_role_and_says_what_unset_means(
    kind: type[Value], spec: FieldSpec
) -> None:
    about = spec.about
    assert about.label and "_" not in about.label and about.label[0].isupper()
    assert about.help and "\n" not in about.help and not about.help.endswith(".") and len(about.help) < 160
    assert isinstance(spec.role, Role)
    assert bool(about.unset) == spec.optional
    assert f"{spec.name}: {about.help}" in (kind.__doc__ or "")


@pytest.mark.parametrize("whole", SEQUENCES)
def test_a_field_is_taken_over_by_frames_and_views_or_used_by_the_whole_or_refused_by_name(
    whole: type[Generation],
) -> None:
    pictures = field_specs(DepthToImage)
    for name, spec in field_specs(whole).items():
        taken_over = spec.about.scope is Scope.PICTURE and name in pictures
        used_by_whole = spec.about.scope is Scope.WHOLE
        assert (name in whole.unused) or taken_over != used_by_whole, f"{whole.__name__}.{name}"


def test_what_frames_and_views_take_over_is_what_the_request_says() -> None:
    settings = {
        "prompt": "moss", "negative_prompt": "text", "num_inference_steps": 3, "guidance_scale": 2.0, "scheduler": "ddim",
        "seed": 5, "model": "builtin", "loras": (Lora("a"),), "image_prompt": ImagePrompt(PICTURE), "controlnet": "b",
    }  # fmt: skip
    depth = np.ones((64, 64), np.float32)
    control = Control("canny", PICTURE)
    shot = Animation(passes="f/####.exr", seamless="x", controls=(control,), depth_range=(1, 2), **settings)
    frame = picture_request(shot, DepthToImage, depth=depth)
    assert frame == DepthToImage(depth=depth, seamless="x", controls=(control,), depth_range=(1, 2), **settings)
    start = picture_request(shot, ImageToImage, image=PICTURE, strength=0.5)
    assert start.loras == shot.loras and not hasattr(start, "controlnet")
    mesh = MeshTexture(mesh="ball.obj", controlnet_conditioning_scale=0.5, **settings)
    view = picture_request(mesh, DepthToImage, depth=depth)
    assert view == DepthToImage(depth=depth, controlnet_conditioning_scale=0.5, **settings)


@pytest.mark.parametrize(
    ("field", "content"),
    [("controls", (Control("canny", PICTURE),)), ("seamless", "xy"), ("seamless_method", "rolling"), ("num_images", 2)],
)
def test_a_mesh_texture_refuses_by_name_what_it_has_no_use_for(field: str, content: object) -> None:
    with pytest.raises(RequestError) as refused:
        MeshTexture(prompt="moss", mesh="ball.obj", **{field: content})
    assert refused.value.field == field and "MeshTexture" in str(refused.value) and refused.value.hint


def test_every_kind_is_registered_once_with_a_command_a_title_and_a_task() -> None:
    from importlib import import_module

    kinds = request_kinds()
    assert {kind.request for kind in kinds} == {kind for kind in JSON_TYPES.values() if issubclass(kind, Request)}
    for names in zip(*((kind.command, kind.title, kind.mode, kind.request) for kind in kinds), strict=True):
        assert len(set(names)) == len(names)
    for kind in kinds:
        assert callable(import_module(f"sd_core.tasks.{kind.task}").run)


class Bare(Value):
    size: bool = field(about=None, converter=flag)  # type: ignore[arg-type]


class Open(Value):
    size: float | None = field(about=About(label="Size", help="A size"), converter=optional(number(0, 1)), default=None)


class Nameless(Value):
    file: str = field(about=About(label="File", help="A file"), converter=path)


@pytest.mark.parametrize(
    ("cls", "message"),
    [(Bare, r"Bare\.size has no desc"), (Open, r"Open\.size may be None"), (Nameless, r"Nameless\.file has no role")],
)
def test_a_field_without_description_meaning_of_none_or_role_is_a_fault_of_the_class(
    cls: type[Value], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        keyword_only(cls)
