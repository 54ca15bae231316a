"""A request as a `%%sd` cell: the way back from `arguments`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sd_core.commands.options import option_name, parameters
from sd_core.commands.text_forms import form_of
from sd_core.errors import RequestError
from sd_core.requests import COMMANDS, Request
from sd_core.values import FieldSpec, field_specs

_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Cell:
    """The source of a cell, and the variables that it needs: what has no words of its own."""

    source: str
    variables: dict[str, Any]


def to_cell(request: Request) -> Cell:
    """The `%%sd` cell that makes this request.

    Raises:
        RequestError: there is no command for it, or no option for one of its fields.
    """
    command = next((name for name, kind in COMMANDS.items() if kind is type(request)), None)
    if command is None:
        raise RequestError("type", f"there is no command for {type(request).__name__}", hint="copy it as Python")
    variables: dict[str, Any] = {}
    fields = request.changed_fields()
    unknown = set(fields) - {parameter.name for parameter in parameters(type(request))}
    if unknown:
        raise RequestError(min(unknown), "has no option on the command line", hint="copy it as Python")
    prompt = fields.pop("prompt", "")
    specs = field_specs(type(request))
    words = [word for name, held in fields.items() for word in _option(specs[name], held, variables)]
    return Cell(f"%%sd {' '.join([command, *words])}\n{_braced(prompt, 'prompt', variables)}\n", variables)


def _option(spec: FieldSpec, held: Any, variables: dict[str, Any]) -> Iterator[str]:
    """The words of one field."""
    if spec.about.position is not None:
        yield _word(held, spec.name, variables)
        return
    yield option_name(spec)
    if isinstance(held, tuple) and form_of(spec) is None:
        yield from (_word(item, spec.name, variables) for item in held)
    else:
        yield _word(held, spec.name, variables)


def _word(held: Any, name: str, variables: dict[str, Any]) -> str:
    if isinstance(held, (int, float)):
        return repr(held)
    if isinstance(held, str):
        return shlex.quote(_braced(str(held), name, variables)) if not isinstance(held, StrEnum) else str(held)
    variables[name] = held
    return f"{{{name}}}"


def _braced(text: str, name: str, variables: dict[str, Any]) -> str:
    """Text as it stands in a cell: braces doubled; one that a line cannot hold becomes a variable."""
    if _PLAIN.fullmatch(text) and not text.startswith("-"):
        return text.replace("{", "{{").replace("}", "}}")
    variables[name] = text
    return f"{{{name}}}"
