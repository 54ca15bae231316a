"""The kinds of request: each is registered once, with its class; code that treats kinds differently asks here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from ..errors import RequestError
from ..values import Value
from .request import Request

R = TypeVar("R", bound=Request)


class Output(StrEnum):
    """What the result of a request is saved as.

    PICTURES: picture files. MATERIAL: a folder of maps. MESH: a folder or a file with a textured mesh. FRAMES: a folder of
    numbered pictures, which are committed while it runs.
    """

    PICTURES = "pictures"
    MATERIAL = "material"
    MESH = "mesh"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKind:
    """A kind of request.

    Attributes:
        request: its class.
        command: its name on the command line and in a notebook's cell.
        title: its name for people, in title case.
        mode: the title in one word, for buttons.
        task: the module of `sd_core.tasks` whose `run` makes its results.
        output: what its result is saved as.
        uses_model: whether a diffusion model is needed.
        commits: whether finished frames or views are kept in an output folder, so that a stopped run can go on.
        lazy_images: whether images are fetched when they are asked for, since all together may be larger than the memory.
    """

    request: type[Request]
    command: str
    title: str
    mode: str
    task: str
    output: Output = Output.PICTURES
    uses_model: bool = True
    commits: bool = False
    lazy_images: bool = False


class _Commands(Mapping[str, type[Request]]):
    """The classes by command, in the order of registration."""

    def __getitem__(self, command: str) -> type[Request]:
        return _BY_COMMAND[command].request

    def __iter__(self) -> Iterator[str]:
        return iter(_BY_COMMAND)

    def __len__(self) -> int:
        return len(_BY_COMMAND)


_BY_COMMAND: dict[str, RequestKind] = {}
COMMANDS: Mapping[str, type[Request]] = _Commands()
"""The classes of requests by their names on the command line."""


def register(  # noqa: PLR0913 - the attributes of RequestKind
    *,
    command: str,
    title: str,
    mode: str,
    task: str,
    output: Output = Output.PICTURES,
    uses_model: bool = True,
    commits: bool = False,
    lazy_images: bool = False,
) -> Callable[[type[R]], type[R]]:
    """Class decorator: the class is a kind of request from now on; see `RequestKind`."""

    def add(request: type[R]) -> type[R]:
        _BY_COMMAND[command] = RequestKind(
            request=request, command=command, title=title, mode=mode, task=task, output=output, uses_model=uses_model,
            commits=commits, lazy_images=lazy_images,
        )  # fmt: skip
        return request

    return add


def request_kinds() -> tuple[RequestKind, ...]:
    """All kinds, in the order in which they are offered."""
    return tuple(_BY_COMMAND.values())


def kind_of(request: Value | type[Value] | str) -> RequestKind:
    """The kind of a request, of its class, or of its class's name, as JSON has it.

    Raises:
        RequestError: there is no such kind.
    """
    name = (
        request
        if isinstance(request, str)
        else request.__name__
        if isinstance(request, type)
        else type(request).__name__
    )
    for kind in _BY_COMMAND.values():
        if kind.request.__name__ == name:
            return kind
    known = ", ".join(kind.request.__name__ for kind in _BY_COMMAND.values())
    raise RequestError("type", f"{name:.60} is no request", hint=f"use one of {known}")
