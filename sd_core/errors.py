"""The errors of `sd_core`: each says what is wrong, where, and what to do.

    SDError
    ├── RequestError(field)          a value in a request
    │   └── NotAllowed(names)        models and files that nobody here has allowed a request from elsewhere to use
    ├── ModelNotFound(name)          no such model, or files of it are missing
    ├── ModelMismatch                parts that do not belong together (a LoRA of another family)
    ├── OutOfMemory(needed, free)    bytes
    ├── OutputError(path)            a file could not be written; nothing half-written is left
    ├── Cancelled                    somebody asked for it
    ├── EngineDied                   the engine's process or thread ended in the middle of a job
    └── ServerError(status)          the server answered with a failure of its own

Every error turns into a plain dict and back (`to_dict`, `error_from_dict`), so that a server can send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class SDError(Exception):
    """Anything that `sd_core` raises on purpose.

    `message` says what is wrong; `hint` says what to do about it and may be empty.
    """

    details: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that travel beside message and hint."""

    warnings: tuple[str, ...] = ()
    """What the job that ended with this told before, such as files that it set aside; see `Result.warnings`."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def subject(self) -> str:
        """What the message is about, put before it; empty where the message says it all."""
        return ""

    def __str__(self) -> str:
        before = f"{self.subject()}: " if self.subject() else ""
        after = f"; {self.hint}" if self.hint else ""
        return f"{before}{self.message}{after}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict from which `error_from_dict` makes an equal error."""
        values = {name: getattr(self, name) for name in (*self.details, "message", "hint")}
        return {"error": type(self).__name__, **values}

    def __reduce__(self) -> tuple[Any, ...]:
        return error_from_dict, (self.to_dict(),)


class RequestError(SDError):
    """A value in a request is wrong: `RequestError("width", "must be a multiple of 8, got 515", hint="use 512")`."""

    details = ("field",)

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field

    def subject(self) -> str:
        return self.field


class NotAllowed(RequestError):
    """A request from a picture, a scene, a notebook or the network names what nobody here has allowed it to use.

    names: one mapping for each, of texts: "place" in the request, "role" (such as "model"), "name" as the request has it,
        and "shown", what that means on this machine: a hub id, or a whole path. See `sd_core.trust`.
    """

    details = ("field", "names")

    def __init__(self, field: str, message: str, *, names: Sequence[Mapping[str, str]] = (), hint: str = "") -> None:
        super().__init__(field, message, hint=hint)
        self.names = [dict(each) for each in names]


class ModelNotFound(SDError):
    """There is no model of this name, or files of it are missing."""

    details = ("name",)

    def __init__(self, name: str, message: str = "no such model", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name

    def subject(self) -> str:
        return self.name


class ModelMismatch(SDError):
    """Parts that do not belong together, such as a LoRA or a ControlNet of another family."""


class OutOfMemory(SDError):
    """The device has too little memory; `needed` and `free` are bytes."""

    details = ("needed", "free")

    def __init__(self, needed: int, free: int, message: str = "", *, hint: str = "use a smaller size or batch") -> None:
        gibibyte = 1024**3
        super().__init__(
            message or f"needs {needed / gibibyte:.2f} GiB of memory, {free / gibibyte:.2f} GiB are free", hint=hint
        )
        self.needed = needed
        self.free = free


class OutputError(SDError):
    """A file could not be written; whatever was at `path` before is unchanged."""

    details = ("path",)

    def __init__(self, path: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path

    def subject(self) -> str:
        return self.path


class Cancelled(SDError):
    """The job was cancelled."""

    def __init__(self, message: str = "cancelled", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)


class EngineDied(SDError):
    """The engine ended in the middle of a job."""


class ServerError(SDError):
    """The server could not do its part; `status` is the HTTP status, 0 where there was no answer."""

    details = ("status",)

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


_CLASSES: dict[str, type[SDError]] = {
    cls.__name__: cls
    for cls in (
        SDError, RequestError, NotAllowed, ModelNotFound, ModelMismatch, OutOfMemory, OutputError, Cancelled, EngineDied,
        ServerError,
    )
}  # fmt: skip


def error_from_dict(data: Mapping[str, Any]) -> SDError:
    """The error that `SDError.to_dict` described.

    Raises:
        RequestError: not such a description.
    """
    cls = _CLASSES.get(str(data.get("error")))
    if cls is None:
        raise RequestError(
            "error", f"is no error of sd_core: {data.get('error')!r}", hint="expected one of its class names"
        )
    try:
        return cls(**{name: data[name] for name in (*cls.details, "message", "hint")})
    except KeyError as missing:
        raise RequestError("error", f"a {cls.__name__} without {missing}", hint="send what to_dict gives") from None
