"""Results as JSON-ready dicts and back; their arrays are named by digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias, overload

from ..errors import RequestError
from ..requests import Mesh, Request, from_json, kind_of
from ..results import Result
from ..values import Array, array_digest, freeze

Json: TypeAlias = Any
"""What `json.loads` gives."""

Arrays: TypeAlias = dict[str, Array]
"""Frozen arrays by digest."""

FindArray: TypeAlias = Callable[[str], Array]
"""Gives the array of a digest; raises `RequestError` where it is gone."""


class LazyImages(Sequence[Array]):
    """Images that are fetched when asked for and not kept: an animation may be larger than the memory."""

    def __init__(self, digests: Sequence[str], find: FindArray) -> None:
        self._digests = digests
        self._find = find

    def __len__(self) -> int:
        return len(self._digests)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Array]: ...
    def __getitem__(self, index: int | slice) -> Array | Sequence[Array]:
        if isinstance(index, slice):
            return LazyImages(self._digests[index], self._find)
        return self._find(self._digests[index])


def result_to_dict(result: Result) -> tuple[dict[str, Any], Arrays]:
    """The result, and every array in it: also those of its request, which may hold what the engine chose (cameras).

    Raises:
        RequestError: a report that is no JSON.
    """
    arrays: Arrays = dict(result.request.arrays())

    def reference(array: Array | None) -> dict[str, Any] | None:
        if array is None:
            return None
        described, content = array_to_dict(array)
        arrays.update(content)
        return described

    mesh: Mesh | None = result.mesh
    lazy = kind_of(result.request).lazy_images
    images = [array_to_dict(image)[0] if lazy else reference(image) for image in result.images]
    return {
        "images": images,
        "request": json.loads(result.request.to_json()),
        "timings": dict(result.timings),
        "latents": reference(result.latents),
        "maps": {name: reference(image) for name, image in result.maps.items()},
        "mesh": None if mesh is None else {spec.name: reference(getattr(mesh, spec.name)) for spec in fields(mesh)},
        "report": _checked_report(result.report),
        "warnings": list(result.warnings),
        "decisions": dict(result.decisions),
    }, arrays


def result_from_dict(data: Mapping[str, Any], request: Request, find: FindArray, *, lazy: bool = False) -> Result:
    """The result that `result_to_dict` described.

    Args:
        data: the dict.
        request: what was asked for, decoded from `data["request"]`.
        find: gives the array of a digest.
        lazy: fetch images when they are asked for.
    """

    def load(reference: Mapping[str, Any] | None) -> Json:
        return None if reference is None else find(reference["blob"])

    digests = [reference["blob"] for reference in data["images"]]
    mesh = data["mesh"]
    return Result(
        images=LazyImages(digests, find) if lazy else [find(digest) for digest in digests],
        request=request,
        timings=data["timings"],
        latents=load(data["latents"]),
        maps={name: load(reference) for name, reference in data["maps"].items()},
        mesh=None if mesh is None else Mesh(**{name: load(reference) for name, reference in mesh.items()}),
        report=data["report"],
        warnings=tuple(data["warnings"]),
        decisions=data["decisions"],
    )


def request_in(data: Mapping[str, Any], find: FindArray) -> Request:
    """The request inside a result's dict."""
    found = {digest: find(digest) for digest in blobs_named(data["request"])}
    return from_json(json.dumps(data["request"]), arrays=found)


def blobs_named(data: Json) -> set[str]:
    """Every digest that JSON refers to as `{"blob": digest, ...}`, however deep it nests."""
    found, waiting = set[str](), [data]
    while waiting:
        content = waiting.pop()
        if isinstance(content, list):
            waiting.extend(content)
        elif isinstance(content, Mapping):
            digest = content.get("blob")
            if isinstance(digest, str):
                found.add(digest)
            waiting.extend(content.values())
    return found


def array_to_dict(array: Array) -> tuple[dict[str, Any], Arrays]:
    """How an array is named in JSON, and the array, frozen, by that name."""
    frozen = freeze(array)
    digest = array_digest(frozen)
    return {"blob": digest, "dtype": frozen.dtype.name, "shape": list(frozen.shape)}, {digest: frozen}


def _checked_report(report: object) -> Json:
    try:
        return None if report is None else json.loads(json.dumps(report, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RequestError("report", f"is no JSON: {error}", hint="use dicts, lists, numbers and text") from error
