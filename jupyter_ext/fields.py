"""Which fields a form shows at once."""

from __future__ import annotations

from collections.abc import Iterable

from sd_core.values import FieldSpec, Role

SIZES = frozenset({"width", "height"})


def basic_fields(specs: Iterable[FieldSpec]) -> frozenset[str]:
    """The fields of a request that are shown at once; a size only where no picture fixes it."""
    fields = list(specs)
    fixed = any(spec.required and spec.role is Role.ARRAY for spec in fields)
    hidden = SIZES if fixed else frozenset()
    return frozenset(spec.name for spec in fields if spec.required or (spec.about.basic and spec.name not in hidden))
