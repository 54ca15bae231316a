"""The line after `%sd`: the command line's options, with the notebook's variables in braces."""

from __future__ import annotations

import inspect
import shlex
import string
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.exceptions import TyperException

from sd_core.commands.options import build, keyword, parameters, style_option, take
from sd_core.errors import RequestError
from sd_core.requests import COMMANDS, Generation, Request, apply_style
from sd_core.requests.registry import kind_of

if TYPE_CHECKING:
    from typer._click.core import Command

_OUTPUT = Annotated[Path | None, typer.Option("--output", "-o", help="File to write as well.", show_default=False)]


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A request, and where its images are to be written besides the output of the cell, if anywhere."""

    request: Request
    output: Path | None


def read_line(line: str, cell: str | None, variables: Mapping[str, Any]) -> ParsedLine | None:
    """What `%sd line`, or `%%sd line` over `cell`, asks for; None where it asks for help, which has then been printed.

    Args:
        line: `txt2img a wall of bricks --seed 7`; text without an option is the prompt, with or without quotes.
        cell: the prompt, in place of that text.
        variables: what `{name}`, `{name.attribute}` and `{name[0]}` stand for: numbers and texts anywhere, arrays and
            pictures as whole values. A brace that means itself is doubled.

    Raises:
        RequestError: no such command, option or variable, or a wrong value.
    """
    given = _Variables(variables)
    try:
        words = [given.substitute(word) for word in shlex.split(line)]
    except ValueError as error:
        raise RequestError("line", f"cannot be read: {error}", hint="close the quote") from error
    command = words[0] if words else ""
    if command not in COMMANDS:
        raise RequestError("command", f"there is no command {command!r}", hint=f"use one of {', '.join(COMMANDS)}")
    prompt = None if cell is None else given.substitute(cell.removesuffix("\n"))
    return _parse(COMMANDS[command], words[1:], prompt, given)


class _Variables:
    """Puts variables into the arguments; objects pass through the parser under placeholder names."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._objects: dict[str, Any] = {}

    def substitute(self, text: str) -> str:
        """The text with its variables."""
        pieces = _pieces(text)
        if len(pieces) == 1 and pieces[0].text == "" and pieces[0].field and not pieces[0].format_spec:
            value = self._look_up(pieces[0].field)
            return value if isinstance(value, str) else self._placeholder(value)
        return "".join(piece.text + self._format_piece(piece) for piece in pieces)

    def resolve(self, value: Any) -> Any:
        """The object that a parsed value names, else the value itself."""
        if isinstance(value, list):
            found = [self.resolve(item) for item in value]
            return found[0] if len(found) == 1 and isinstance(found[0], tuple) else found
        if isinstance(value, tuple):
            return tuple(self.resolve(item) for item in value)
        return self._objects.get(str(value), value)

    def _format_piece(self, piece: _TextPiece) -> str:
        if piece.field is None:
            return ""
        try:
            return format(self._look_up(piece.field), piece.format_spec)
        except (TypeError, ValueError) as error:
            raise RequestError(
                "line", f"wrong format specifier for {{{piece.field}}}: {error}", hint="write {name} alone"
            ) from error

    def _look_up(self, field: str) -> Any:
        """The value of `name`, `name.attribute` or `name[0]`."""
        try:
            return string.Formatter().get_field(field, (), self._variables)[0]
        except (LookupError, AttributeError, ValueError, TypeError) as error:
            hint = "run the cell that defines it first; write {{ and }} for literal braces"
            raise RequestError("line", f"there is no variable {field!r}", hint=hint) from error

    def _placeholder(self, value: Any) -> str:
        if isinstance(value, (int, float)):
            return repr(value)
        name = f"variable-{uuid.uuid4().hex}"
        self._objects[name] = value
        return name


class _TextPiece(NamedTuple):
    """Text, and the variable that follows it, with how it is written."""

    text: str
    field: str | None
    format_spec: str


def _pieces(text: str) -> list[_TextPiece]:
    try:
        return [_TextPiece(before, field, form or "") for before, field, form, _ in string.Formatter().parse(text)]
    except ValueError as error:
        raise RequestError("line", f"{error} in {text[:60]!r}", hint="write {name}, and {{ for a brace") from error


def _parse(kind: type[Request], arguments: list[str], prompt: str | None, variables: _Variables) -> ParsedLine | None:
    found: dict[str, Any] = {}
    try:
        _command(kind, found).main(arguments, prog_name="%sd", standalone_mode=False)
    except TyperException as error:
        raise RequestError("line", error.format_message(), hint="see sd-core --help for the options") from error
    if not found:
        return None
    style, output = found.pop("style", None), found.pop("output", None)
    values = {name: variables.resolve(text) for name, text in found.items()}
    if "prompt" in values:
        values["prompt"] = _prompt(values["prompt"] or [], prompt)
    elif prompt:
        raise RequestError(
            "prompt", f"{kind_of(kind).command} takes no prompt", hint="leave the cell empty, or use %sd"
        )
    request = build(kind, values)
    if style is not None and isinstance(request, Generation):
        request = apply_style(style, request)
    return ParsedLine(request, output)


def _prompt(arguments: Sequence[str], cell: str | None) -> str:
    if cell is None:
        return " ".join(arguments)
    if arguments:
        raise RequestError(
            "prompt", f"is given twice, in the line ({' '.join(arguments)!r}) and in the cell", hint="remove one"
        )
    return cell


def _command(kind: type[Request], values: dict[str, Any]) -> Command:
    """A command that does nothing but tell what it was given."""

    def tell(**given: Any) -> None:
        values.update(given)

    own = (_unquoted_prompt(parameter) if parameter.name == "prompt" else parameter for parameter in parameters(kind))
    styled = (style_option(),) if issubclass(kind, Generation) else ()
    take(tell, (*own, *styled, keyword("output", _OUTPUT, None)))
    program = typer.Typer(add_completion=False)
    program.command()(tell)
    return typer.main.get_command(program)


def _unquoted_prompt(parameter: inspect.Parameter) -> inspect.Parameter:
    """A prompt that needs no quotes."""
    return parameter.replace(annotation=Annotated[list[str] | None, typer.Argument()], default=None)
