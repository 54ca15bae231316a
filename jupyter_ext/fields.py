"""What the fields of a request accept, read from the request classes themselves, for whoever draws controls for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from sd_core.commands.options import DEFAULTS, HELP
from sd_core.passes import as_depth
from sd_core.values import Value, as_picture
from sd_core.values.checks import optional

BASIC = frozenset(
    {
        "prompt", "negative_prompt", "width", "height", "num_inference_steps", "guidance_scale", "seed", "image", "mask",
        "depth", "strength", "feather", "scale", "mesh", "passes", "exposure", "contrast", "saturation",
    }
)  # fmt: skip
"""Fields that are shown at once; the others wait behind "Advanced"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field.

    convert: checks a value that is not None. optional: None is allowed, and stands for `stands_for`.
    default: `dataclasses.MISSING` where a value must be given.
    """

    name: str
    convert: Callable[[Any], Any]
    optional: bool
    default: Any
    help: str

    @property
    def label(self) -> str:
        """The name as it is shown: the field's own words."""
        return self.name.replace("_", " ").capitalize()

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING

    @property
    def stands_for(self) -> str:
        """What None means."""
        return DEFAULTS.get(self.name, "none")


SIZES = frozenset({"width", "height"})


def basic_fields(specs: Iterable[FieldSpec]) -> frozenset[str]:
    """The fields of a request that are shown at once; a size only where no picture fixes it."""
    held = list(specs)
    fixed = any(spec.required and spec.convert in (as_picture, as_depth) for spec in held)
    wanted = BASIC - SIZES if fixed else BASIC
    return frozenset(spec.name for spec in held if spec.name in wanted or spec.required)


def field_specs(kind: type[Value]) -> tuple[FieldSpec, ...]:
    """The fields of a request, or of a part of one, in order."""
    return tuple(_spec(field) for field in fields(kind))  # type: ignore[arg-type]


def _spec(field: Any) -> FieldSpec:
    convert = field.metadata["converter"]
    may_be_none = isinstance(convert, optional)
    return FieldSpec(
        name=field.name,
        convert=convert.convert if may_be_none else convert,
        optional=may_be_none,
        default=field.default,
        help=HELP.get(field.name, ""),
    )
