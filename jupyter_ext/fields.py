"""Which fields a form shows, and which of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sd_core.requests import Generation, Request
from sd_core.values import FieldSpec, Role, field_specs

SIZES = frozenset({"width", "height"})


def shown_fields(kind: type[Request]) -> Mapping[str, FieldSpec]:
    """The fields of a request, without those that its kind has no use for."""
    unused = kind.unused if issubclass(kind, Generation) else {}
    return {name: spec for name, spec in field_specs(kind).items() if name not in unused}


def basic_fields(specs: Iterable[FieldSpec]) -> frozenset[str]:
    """The fields of a request that are shown at once; a size only where no picture fixes it."""
    fields = list(specs)
    fixed = any(spec.is_required and spec.role is Role.ARRAY for spec in fields)
    hidden = SIZES if fixed else frozenset()
    return frozenset(spec.name for spec in fields if spec.is_required or (spec.about.basic and spec.name not in hidden))
