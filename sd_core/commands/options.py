"""The fields of requests as command-line options: one place that turns a field into an option and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np
import typer

from sd_core.requests import Request, styles
from sd_core.requests.generation import Generation
from sd_core.values import FieldSpec, field_specs

from .text_forms import form_of


def parameters(kind: type[Request]) -> Iterator[inspect.Parameter]:
    """A parameter for each field of a request that can be typed, annotated for typer; those with a position come first."""
    hints = get_type_hints(kind)
    specs = [spec for spec in field_specs(kind).values() if _can_be_typed(spec)]
    first = [(spec.about.position, spec) for spec in specs if spec.about.position is not None]
    yield from (_argument(spec) for _, spec in sorted(first, key=lambda pair: pair[0]))
    unused = kind.unused if issubclass(kind, Generation) else {}
    for spec in specs:
        if spec.about.position is None:
            yield _parameter(spec, hints[spec.name], hidden=spec.name in unused)


def build(kind: type[Request], given: Mapping[str, Any]) -> Request:
    """The request of what was given; what was left out keeps its default.

    Values may be text as on a command line, or, from a notebook, the objects themselves.

    Raises:
        RequestError: a wrong value.
    """
    specs = field_specs(kind)
    return kind(
        **{name: _read(specs[name], value) for name, value in given.items() if name in specs and _is_given(value)}
    )


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """A parameter that typer makes an option or an argument of, as its annotation says."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def style_option() -> inspect.Parameter:
    """`--style`, which wraps the prompt."""
    look = Annotated[str | None, typer.Option(help=f"A look: {', '.join(styles())}.", show_default=False)]
    return keyword("style", look, None)


def context() -> inspect.Parameter:
    """The parameter in which typer gives a command its context."""
    return keyword("ctx", typer.Context, inspect.Parameter.empty)


def take(command: Callable[..., object], wanted: Iterable[inspect.Parameter]) -> None:
    """Tell typer which parameters a function takes that is written with `**`."""
    found = list(wanted)
    command.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in found}


def option_name(spec: FieldSpec) -> str:
    """The option of a field: `--num-images`; of one that may be given several times, `--lora`."""
    name = spec.name.removesuffix("s") if spec.many else spec.name
    return f"--{name.replace('_', '-')}"


def _stands_for(spec: FieldSpec) -> str:
    """What leaving an option out means; `--help` writes "default:" before it."""
    return spec.about.unset.removeprefix("default ")


def _can_be_typed(spec: FieldSpec) -> bool:
    """Parts without a text form, such as cameras, are made by programs only."""
    return spec.part is None or form_of(spec) is not None


def _argument(spec: FieldSpec) -> inspect.Parameter:
    return keyword(spec.name, Annotated[str, typer.Argument(help=spec.help)], inspect.Parameter.empty)


def _parameter(spec: FieldSpec, hint: Any, *, hidden: bool) -> inspect.Parameter:
    form = form_of(spec)
    default = inspect.Parameter.empty if spec.is_required else spec.default
    text = f"{spec.help[:-1]}; may be given several times." if spec.many else spec.help
    if form is None:
        shown = _stands_for(spec) if spec.optional else default != (0, 0, 0, 0)
        option = typer.Option(help=text, show_default=shown, metavar=spec.about.metavar or None, hidden=hidden)
        return keyword(spec.name, Annotated[_plain(hint), option], default)
    metavar = spec.about.metavar or form.metavar
    option = typer.Option(
        option_name(spec), metavar=metavar, help=text, show_default=_stands_for(spec) if spec.optional else False,
        hidden=hidden,
    )  # fmt: skip
    annotation = list[str] | None if spec.many else str if spec.is_required else str | None
    return keyword(spec.name, Annotated[annotation, option], default if spec.is_required else None)


def _plain(hint: Any) -> Any:
    """The type that typer reads for the type of a field."""
    optional = NoneType in get_args(hint)
    inner = next(kind for kind in get_args(hint) if kind is not NoneType) if optional else hint
    plain = Path if inner is np.ndarray else inner
    return plain | None if optional else plain


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, list) and not value)


def _read(spec: FieldSpec, value: Any) -> Any:
    form = form_of(spec)
    if form is None:
        return str(value) if isinstance(value, StrEnum) else value
    read = [form.read(item) if isinstance(item, str) else item for item in (value if spec.many else [value])]
    return tuple(read) if spec.many else read[0]
