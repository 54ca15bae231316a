"""The order that an engine gets, and whether its result can be the answer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ServerError
from ..events import EventKind
from ..requests import kind_of
from ..values import Role, field_specs
from ..wire.results import blobs_named
from .blobs import BlobStore
from .records import JobRecord
from .state import ATTACHMENTS_FOLDER, OUTPUT_FOLDER

_RETURNED_ROLES = frozenset({Role.TEXT, Role.CHOICE, Role.NUMBER, Role.SWITCH})
"""Roles of fields that an engine gives back as they were sent, where they were."""


def make_order(blobs: BlobStore, folder: Path, job: JobRecord) -> dict[str, Any]:
    """The order for a job; every blob that it needs has been compared with its digest.

    Raises:
        ServerError: 410, a blob is missing or damaged; names it.
        OSError: attachments cannot be laid out.
    """
    request = json.loads(job.request)
    paths = {digest: _intact_blob(blobs, digest) for digest in blobs_named(request) | set(job.attachments.values())}
    output = folder / OUTPUT_FOLDER if job.commits else None
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    files = {name: paths[digest] for name, digest in job.attachments.items()}
    return {
        "request": request,
        "blobs": str(blobs.folder),
        "files": {name: str(path) for name, path in _lay_out(folder / ATTACHMENTS_FOLDER, files).items()},
        "output": None if output is None else str(output),
        "resume": output is not None and job.resumes,
    }


def check_result(request: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
    """Why an event cannot be the result of a request; None where it can. Compares what engines never choose themselves."""
    if event["kind"] != EventKind.RESULT:
        return None
    result_request = event["result"]["request"]
    for name in ("type", *_returned_fields(request["type"])):
        if request.get(name) is not None and result_request.get(name) != request[name]:
            return f"its result is that of another request: {name} differs"
    return None


def _returned_fields(kind: str) -> list[str]:
    request = kind_of(kind).request
    return [
        name
        for name, spec in field_specs(request).items()
        if spec.role in _RETURNED_ROLES and name not in request.unused
    ]


def _intact_blob(blobs: BlobStore, digest: str) -> Path:
    path = blobs.intact_path(digest)
    if path is None:
        raise ServerError(
            f"the blob {digest}, which the job needs, is gone", status=410, hint="send it again, then resume the job"
        )
    return path


def _lay_out(folder: Path, files: Mapping[str, Path]) -> Mapping[str, Path]:
    """Attachments under their own names: a sidecar is found by the name of its frame. What lay there before is replaced."""
    if files:
        folder.mkdir(parents=True, exist_ok=True)
    for name, blob in files.items():
        (folder / name).unlink(missing_ok=True)
        _link(blob, folder / name)
    return {name: folder / name for name in files}


def _link(blob: Path, path: Path) -> None:
    try:
        os.link(blob, path)
    except OSError:
        shutil.copyfile(blob, path)
