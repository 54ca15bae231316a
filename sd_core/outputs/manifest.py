"""The list of what `sd_core` wrote into a folder: names, sizes and digests, as JSON that vouches for itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import OutputError

MANIFEST = "sd_core.manifest.json"
"""Its name in the folder."""

FORMAT = 1

_PART = re.compile(r"[^/\\:\0]+")
_LONGEST = 400
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: size in bytes, and SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(slots=True)
class Manifest:
    """What is listed.

    kind: of the folder, such as "animation". about: what its owner notes. files: by relative name with "/", the contents
    that may be found there: one; while a file is being replaced, that before and that after.
    """

    kind: str
    about: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[Content, ...]] = field(default_factory=dict)


def content_of_bytes(data: bytes) -> Content:
    """The content of a file that holds `data`."""
    return Content(len(data), hashlib.sha256(data).hexdigest())


def content_of_file(path: Path) -> Content:
    """Reads the file once.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Content(size, digest.hexdigest())


def manifest_bytes(manifest: Manifest) -> bytes:
    """As it is stored."""
    files = {
        name: [{"size": content.size, "sha256": content.sha256} for content in contents]
        for name, contents in sorted(manifest.files.items())
    }
    body = {"format": FORMAT, "kind": manifest.kind, "about": manifest.about, "files": files}
    return json.dumps({**body, "sha256": _digest(body)}, indent=1).encode()


def read_manifest(path: Path, kind: str, names: re.Pattern[str]) -> Manifest | None:
    """The manifest at `path`; None where there is none. It may be somebody else's: nothing in it is believed unseen.

    Args:
        kind: of the folder that is wanted.
        names: that a folder of this kind may list.

    Raises:
        OutputError: damaged, of another kind or of a newer version, or it lists what no such folder has; nothing is changed.
    """
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        raise OutputError(str(path), "is no plain file", hint="use another folder")
    try:
        content = json.loads(path.read_bytes())
        checksum = content.pop("sha256")
        version = content["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damage_error(path, f"{type(error).__name__}: {error}") from error
    if version != FORMAT:
        raise OutputError(str(path), f"has format {version!r}, not {FORMAT}", hint="use the sd_core that wrote it")
    if checksum != _digest(content):
        raise _damage_error(path, "its digest does not fit")
    return _manifest_of(path, content, kind, names)


def _manifest_of(path: Path, body: Mapping[str, Any], kind: str, names: re.Pattern[str]) -> Manifest:
    if body.get("kind") != kind:
        raise OutputError(
            str(path.parent), f"holds files of the kind {body.get('kind')!r}, not {kind!r}", hint="use another folder"
        )
    try:
        files = {name: tuple(_content(item) for item in items) for name, items in body["files"].items()}
        about = dict(body["about"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damage_error(path, f"{type(error).__name__}: {error}") from error
    strange = next((name for name in files if not is_safe(name) or not names.fullmatch(name)), None)
    if strange is not None:
        raise OutputError(str(path), f"lists {strange!r}, which sd_core does not write", hint="use another folder")
    return Manifest(kind, about, files)


def is_safe(name: str) -> bool:
    """A relative name with "/" that stays within its folder on every system."""
    parts = name.split("/")
    return len(name) <= _LONGEST and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)


def _content(item: Mapping[str, Any]) -> Content:
    size, digest = item["size"], item["sha256"]
    if not isinstance(size, int) or not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"no content: {item!r}")
    return Content(size, digest)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _damage_error(path: Path, why: str) -> OutputError:
    return OutputError(
        str(path),
        f"is damaged ({why}), so nobody knows which files here are sd_core's",
        hint="put back a copy of it, or use another folder; nothing was changed",
    )
