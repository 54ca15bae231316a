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

Each has a stable `code` (`sd_core.error_codes`), by which programs choose.
Every error turns into a plain dict and back (`to_dict`, `error_from_dict`), so that a server can send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .error_codes import ErrorCode, code_of_status


class SDError(Exception):
    """Anything that `sd_core` raises on purpose.

    Attributes:
        message: what is wrong.
        hint: what to do about it; may be empty.
        code: which kind of fault it is; never changes its meaning.

    Examples:
        >>> error = SDError("the disk is full", hint="free 2 GB")
        >>> print(error)
        the disk is full; free 2 GB
        >>> error.code
        <ErrorCode.FAILED: 'failed'>
    """

    default_code: ClassVar[ErrorCode] = ErrorCode.FAILED
    """The code where none is given."""

    details: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that are sent besides message and hint."""

    warnings: tuple[str, ...] = ()
    """Warnings of the job that ended with this error, such as files that it set aside; see `Result.warnings`."""

    def __init__(self, message: str, *, hint: str = "", code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = self.default_code if code is None else code

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
        return {"error": type(self).__name__, "code": str(self.code), **values}

    def __reduce__(self) -> tuple[Any, ...]:
        return error_from_dict, (self.to_dict(),)


class RequestError(SDError):
    """A value in a request is wrong: `RequestError("width", "must be a multiple of 8, got 515", hint="use 512")`."""

    default_code = ErrorCode.INVALID_VALUE

    details = ("field",)

    def __init__(self, field: str, message: str, *, hint: str = "", code: ErrorCode | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.field = field

    def subject(self) -> str:
        return self.field


class NotAllowed(RequestError):
    """A request from a picture, a scene, a notebook or the network names what nobody here has allowed it to use.

    names: one mapping for each, of texts: "place" in the request, "role" (such as "model"), "name" as the request has it,
        and "shown", what that means on this machine: a hub id, or a whole path. See `sd_core.trust`.
    """

    default_code = ErrorCode.NOT_ALLOWED

    details = ("field", "names")

    def __init__(
        self,
        field: str,
        message: str,
        *,
        names: Sequence[Mapping[str, str]] = (),
        hint: str = "",
        code: ErrorCode | None = None,
    ) -> None:
        super().__init__(field, message, hint=hint, code=code)
        self.names = [dict(each) for each in names]


class ModelNotFound(SDError):
    """There is no model of this name, or files of it are missing."""

    default_code = ErrorCode.MODEL_NOT_FOUND

    details = ("name",)

    def __init__(
        self, name: str, message: str = "no such model", *, hint: str = "", code: ErrorCode | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.name = name

    def subject(self) -> str:
        return self.name


class ModelMismatch(SDError):
    """Parts that do not belong together, such as a LoRA or a ControlNet of another family."""

    default_code = ErrorCode.MODEL_MISMATCH


class OutOfMemory(SDError):
    """The device has too little memory; `needed` and `free` are bytes."""

    default_code = ErrorCode.OUT_OF_MEMORY

    details = ("needed", "free")

    def __init__(
        self,
        needed: int,
        free: int,
        message: str = "",
        *,
        hint: str = "use a smaller size or batch",
        code: ErrorCode | None = None,
    ) -> None:
        gibibyte = 1024**3
        super().__init__(
            message or f"needs {needed / gibibyte:.2f} GiB of memory, {free / gibibyte:.2f} GiB are free",
            hint=hint,
            code=code,
        )
        self.needed = needed
        self.free = free


class OutputError(SDError):
    """A file could not be written; whatever was at `path` before is unchanged."""

    default_code = ErrorCode.OUTPUT_FAILED

    details = ("path",)

    def __init__(self, path: str, message: str, *, hint: str = "", code: ErrorCode | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.path = path

    def subject(self) -> str:
        return self.path


class Cancelled(SDError):
    """The job was cancelled."""

    default_code = ErrorCode.CANCELLED

    def __init__(self, message: str = "cancelled", *, hint: str = "", code: ErrorCode | None = None) -> None:
        super().__init__(message, hint=hint, code=code)


class EngineDied(SDError):
    """The engine ended in the middle of a job."""

    default_code = ErrorCode.ENGINE_DIED


class ServerError(SDError):
    """The server could not do its part; `status` is the HTTP status, 0 where there was no answer."""

    default_code = ErrorCode.SERVER_FAILED

    details = ("status",)

    def __init__(self, message: str, *, status: int = 0, hint: str = "", code: ErrorCode | None = None) -> None:
        super().__init__(message, hint=hint, code=code_of_status(status) if code is None else code)
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
        return cls(**{name: data[name] for name in (*cls.details, "message", "hint")}, code=_code(data))
    except KeyError as missing:
        raise RequestError("error", f"a {cls.__name__} without {missing}", hint="send what to_dict gives") from None


def _code(data: Mapping[str, Any]) -> ErrorCode | None:
    """The code in a description; None where an older version wrote it, or a newer one that has more codes."""
    return ErrorCode(data["code"]) if data.get("code") in tuple(ErrorCode) else None
