"""Events as JSON-ready dicts and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, assert_never

from ..errors import RequestError, error_from_dict
from ..events import CancelledEvent, Event, EventKind, Failed, FrameEvent, Loading, Queued, ResultEvent, StepEvent
from ..requests import kind_of
from ..values import Array, from_npy, npy_bytes
from .results import Arrays, FindArray, array_to_dict, request_in, result_from_dict, result_to_dict


def event_to_dict(event: Event) -> tuple[dict[str, Any], Arrays]:  # noqa: PLR0911 - one for each kind
    """`{"kind": ..., fields}` and the arrays that it names by digest.

    A preview is small and of use for a moment only: it travels inside the dict, as base64 of its `.npy` bytes.
    """
    match event:
        case Queued(position=position):
            return {"kind": event.kind, "position": position}, {}
        case Loading(message=message):
            return {"kind": event.kind, "message": message}, {}
        case StepEvent():
            return _step_to_dict(event), {}
        case FrameEvent(index=index, image=image, figures=figures):
            reference, arrays = array_to_dict(image)
            return {"kind": event.kind, "index": index, "image": reference, "figures": dict(figures)}, arrays
        case ResultEvent(result=result):
            data, arrays = result_to_dict(result)
            return {"kind": event.kind, "result": data}, arrays
        case Failed(error=error, warnings=warnings):
            return {"kind": event.kind, "error": error.to_dict(), **_warnings_to_dict(warnings)}, {}
        case CancelledEvent(warnings=warnings):
            return {"kind": event.kind, **_warnings_to_dict(warnings)}, {}
        case _:
            assert_never(event)


def event_from_dict(data: Mapping[str, Any], find: FindArray) -> Event:
    """The event that `event_to_dict` described.

    Args:
        data: the dict.
        find: gives the array of a digest.

    Raises:
        RequestError: not such a description, or an array is missing.
    """
    try:
        return _event(EventKind(data["kind"]), data, find)
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(
            "event", f"cannot be read: {error!r}", hint="server and client must be of one version"
        ) from error


def _event(kind: EventKind, data: Mapping[str, Any], find: FindArray) -> Event:  # noqa: PLR0911 - one for each kind
    match kind:
        case EventKind.QUEUED:
            return Queued(data["position"])
        case EventKind.LOADING:
            return Loading(data["message"])
        case EventKind.STEP:
            return StepEvent(
                data["index"], data["count"], data["seconds_left"], _preview(data["preview"]), data["image"]
            )
        case EventKind.FRAME:
            return FrameEvent(data["index"], find(data["image"]["blob"]), data["figures"])
        case EventKind.RESULT:
            result = data["result"]
            lazy = kind_of(result["request"]["type"]).lazy_images
            return ResultEvent(result_from_dict(result, request_in(result, find), find, lazy=lazy))
        case EventKind.FAILED:
            return Failed(error_from_dict(data["error"]), _warnings(data))
        case EventKind.CANCELLED:
            return CancelledEvent(_warnings(data))
        case _:
            assert_never(kind)


def _step_to_dict(event: StepEvent) -> dict[str, Any]:
    preview = None if event.preview is None else base64.b64encode(npy_bytes(event.preview)).decode()
    return {
        "kind": event.kind,
        "index": event.index,
        "count": event.count,
        "seconds_left": event.seconds_left,
        "image": event.image,
        "preview": preview,
    }


def _warnings_to_dict(warnings: tuple[str, ...]) -> dict[str, Any]:
    """Nothing where there are none: as before there were any."""
    return {"warnings": list(warnings)} if warnings else {}


def _warnings(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, data.get("warnings", ())))


def _preview(text: str | None) -> Array | None:
    return None if text is None else from_npy(base64.b64decode(text), "preview")
