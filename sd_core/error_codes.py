"""The codes of errors, which stay the same from version to version, and what to do about each.

Programs choose by the code, people read the message and its hint; the page on troubleshooting is made of this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """What kind of fault an error tells of; a code is never given another meaning."""

    FAILED = "failed"
    INVALID_VALUE = "invalid-value"
    UNKNOWN_FIELD = "unknown-field"
    NEWER_FORMAT = "newer-format"
    UNUSED_FIELD = "unused-field"
    SIZE_NOT_MULTIPLE_OF_8 = "size-not-multiple-of-8"
    MASK_UNUSABLE = "mask-unusable"
    SURFACE_MASK_UNUSABLE = "surface-mask-unusable"
    REGION_EMPTY = "region-empty"
    OUTPUT_EXISTS = "output-exists"
    OUTPUT_IS_SOURCE = "output-is-source"
    CANNOT_RESUME = "cannot-resume"
    NOT_ALLOWED = "not-allowed"
    MODEL_NOT_FOUND = "model-not-found"
    LORA_NOT_FOUND = "lora-not-found"
    MODEL_MISMATCH = "model-mismatch"
    OUT_OF_MEMORY = "out-of-memory"
    OUTPUT_FAILED = "output-failed"
    CANCELLED = "cancelled"
    ENGINE_DIED = "engine-died"
    SERVER_FAILED = "server-failed"
    SERVER_UNREACHABLE = "server-unreachable"
    SERVER_NOT_INSTALLED = "server-not-installed"
    NETWORK_NOT_ALLOWED = "network-not-allowed"
    SERVER_TOKEN = "server-token"  # noqa: S105 - the name of an error
    SERVER_FORBIDDEN = "server-forbidden"
    SERVER_REFUSED = "server-refused"
    SERVER_GONE = "server-gone"
    SERVER_CONFLICT = "server-conflict"
    SERVER_TOO_LARGE = "server-too-large"
    SERVER_QUOTA = "server-quota"
    SERVER_FULL = "server-full"


REMEDIES: Mapping[ErrorCode, str] = MappingProxyType(
    {
        ErrorCode.FAILED: "Read the message; if it does not help, report it with the command that you ran.",
        ErrorCode.INVALID_VALUE: (
            "Change the value of the field that the message names. The hint gives a value that works."
        ),
        ErrorCode.UNKNOWN_FIELD: (
            "Check the spelling of the field. If a newer version of sd_core wrote the request, update this one."
        ),
        ErrorCode.NEWER_FORMAT: "Update sd_core: a newer version wrote the request, the picture or the preset.",
        ErrorCode.UNUSED_FIELD: "Leave the field out: this kind of request has no use for it.",
        ErrorCode.SIZE_NOT_MULTIPLE_OF_8: "Resize the picture, or in Blender switch on *Pad to Multiples of 8*.",
        ErrorCode.MASK_UNUSABLE: (
            "Give a mask of the size of the picture with something white in it; in Blender press *New Mask* and paint."
        ),
        ErrorCode.SURFACE_MASK_UNUSABLE: "Press *Paint Mask* and paint the surface white where it is to change.",
        ErrorCode.REGION_EMPTY: "Press *Select Region* and drag a rectangle over the image.",
        ErrorCode.OUTPUT_EXISTS: "Choose another name, or allow the file to be replaced (`--overwrite`).",
        ErrorCode.OUTPUT_IS_SOURCE: "Choose another name or folder: a result never replaces what it is made from.",
        ErrorCode.CANNOT_RESUME: (
            "Resume with the same request and folder as the run that stopped, or start again in another folder."
        ),
        ErrorCode.NOT_ALLOWED: (
            "Look at the names in the message. If you trust them, allow them with `sd-core models allow`, or "
            "with yes to the question."
        ),
        ErrorCode.MODEL_NOT_FOUND: (
            "Check the name against `sd-core models list`; download the model, or give the path of its folder or file."
        ),
        ErrorCode.LORA_NOT_FOUND: (
            "Put the file into the LoRA folder, give its whole path, or remove the LoRA from the request."
        ),
        ErrorCode.MODEL_MISMATCH: (
            "Use a LoRA, ControlNet or task that fits the family of the model, or another model."
        ),
        ErrorCode.OUT_OF_MEMORY: (
            "Use a smaller size or fewer images, close other programs that use the GPU, or use `--dtype float16`."
        ),
        ErrorCode.OUTPUT_FAILED: (
            "Check that the folder exists, that you may write there, and that the disk has room."
        ),
        ErrorCode.CANCELLED: "Nothing is wrong: the job was cancelled. Finished frames can be resumed.",
        ErrorCode.ENGINE_DIED: (
            "Submit it again with a smaller size; the engine may have run out of memory. Its log tells more."
        ),
        ErrorCode.SERVER_FAILED: "Look at the log of the server; the message says where the fault was.",
        ErrorCode.SERVER_UNREACHABLE: "Start the server (`sd-core serve`), and check the URL and the firewall.",
        ErrorCode.SERVER_NOT_INSTALLED: (
            "Install sd_core in a Python of its own and name that Python in Blender's preferences."
        ),
        ErrorCode.NETWORK_NOT_ALLOWED: "Allow online access in Blender's preferences, under System.",
        ErrorCode.SERVER_TOKEN: "Enter the token of the server: in the preferences of the add-on, or with `--token`.",
        ErrorCode.SERVER_FORBIDDEN: "Use the token of an identity that may do this, or ask the administrator.",
        ErrorCode.SERVER_REFUSED: (
            "Check the address, the method and the headers: the server does not serve this request; see its `/docs`."
        ),
        ErrorCode.SERVER_GONE: "Check the address. What was there before is no longer on the server: send it again.",
        ErrorCode.SERVER_CONFLICT: (
            "The job is not in a state in which this can be done; the message names its state."
        ),
        ErrorCode.SERVER_TOO_LARGE: "Send less at a time, or ask the administrator to raise the limit.",
        ErrorCode.SERVER_QUOTA: (
            "Wait until your jobs have finished, cancel some, or ask the administrator for a larger quota."
        ),
        ErrorCode.SERVER_FULL: "The disk of the server is full: tell the administrator.",
    }
)
"""What to do, for people, in Markdown."""

_BY_STATUS: Mapping[int, ErrorCode] = MappingProxyType(
    {
        0: ErrorCode.SERVER_UNREACHABLE,
        400: ErrorCode.SERVER_REFUSED,
        401: ErrorCode.SERVER_TOKEN,
        403: ErrorCode.SERVER_FORBIDDEN,
        404: ErrorCode.SERVER_GONE,
        405: ErrorCode.SERVER_REFUSED,
        409: ErrorCode.SERVER_CONFLICT,
        410: ErrorCode.SERVER_GONE,
        413: ErrorCode.SERVER_TOO_LARGE,
        415: ErrorCode.SERVER_REFUSED,
        421: ErrorCode.SERVER_REFUSED,
        429: ErrorCode.SERVER_QUOTA,
        507: ErrorCode.SERVER_FULL,
    }
)


def code_of_status(status: int) -> ErrorCode:
    """The code for an HTTP status; 0: there was no answer."""
    return _BY_STATUS.get(status, ErrorCode.SERVER_FAILED)
