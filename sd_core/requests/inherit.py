"""What each picture of a request over many pictures inherits from it."""

from __future__ import annotations

from typing import Any, TypeVar

from ..values import Scope, field_specs
from .generation import Generation

G = TypeVar("G", bound=Generation)


def picture_request(whole: Generation, kind: type[G], **own: Any) -> G:
    """The request for one frame of an animation, or one view of a mesh.

    It inherits every field of `whole` whose scope is one picture, as far as `kind` has it.

    Args:
        whole: the request over many pictures.
        kind: the class of the request to make.
        own: fields that this picture has of its own; they win.

    Raises:
        RequestError: a wrong value.
    """
    known = field_specs(kind)
    shared = {
        name: getattr(whole, name)
        for name, spec in field_specs(type(whole)).items()
        if spec.about.scope is Scope.PICTURE and name in known
    }
    return kind(**shared | own)
