"""Requests inside picture files: the A1111 "parameters" text that other tools read, and our full JSON."""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import BinaryIO

from ._version import __version__
from .errors import RequestError
from .files import open_regular
from .paths import home_folder
from .requests import Generation, Request, from_json
from .trust import Allowed, absolute_names, external_names
from .values import Array, Role

PARAMETERS = "parameters"
"""PNG text chunk of the A1111 text."""

REQUEST = "sd_core"
"""PNG text chunk of the request's JSON."""

_SAMPLERS: Mapping[str, str] = {
    "ddim": "DDIM",
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M Karras",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_karras": "DPM++ 2M SDE Karras",
    "unipc": "UniPC",
    "heun": "Heun",
    "lcm": "LCM",
    "pndm": "PLMS",
}
"""A1111's names for our schedulers; others keep theirs."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_TEXT = 64 * 1024**2
"""Bytes of a request's JSON, and of all texts in a PNG together: arrays are stored apart, so that even thousands of keyframes and
places take a few MB."""


def parameters_text(request: Request) -> str:
    """The request as A1111 writes it: prompt, "Negative prompt: ...", then one line of settings.

    It says less than the JSON: pictures, masks and depths are left out.
    """
    lines = []
    if isinstance(request, Generation):
        adapters = "".join(f"<lora:{PurePath(lora.path).stem}:{lora.weight:g}>" for lora in request.loras)
        lines.append(f"{request.prompt}{adapters}")
        if request.negative_prompt:
            lines.append(f"Negative prompt: {request.negative_prompt}")
    lines.append(", ".join(f"{name}: {_quote(value)}" for name, value in _settings(request).items()))
    return "\n".join(lines)


def load_request(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Array] | None = None,
    *,
    trust: bool = False,
    allow: Iterable[str] = (),
) -> Request:
    """The request that a saved PNG carries, or that a `.json` file holds.

    A picture may come from anyone, so the models and files that it names must be allowed: see `sd_core.trust.Allowed`.
    Render passes, videos and meshes may also be in its folder, or below it.

    Args:
        path: the picture; the arrays it was made from are looked for in `<stem>.inputs` next to it.
        arrays: arrays by digest that need not be looked for.
        trust: whatever it names is allowed.
        allow: hub ids, files and folders that are allowed too, this time.

    Raises:
        RequestError: no such file, no request in it, or an array is missing.
        NotAllowed: it names what is not allowed; says what, where, and how to allow it.
        SDError: what the user has allowed cannot be read.
    """
    where = Path(path)
    text = _request_text(where)
    request = from_json(text, arrays, inputs_folder(where))
    if not trust:
        check_names(where, request, allow=allow)
    return request


def check_names(
    picture: str | os.PathLike[str], request: Request, *, remote: bool = False, allow: Iterable[str] = ()
) -> None:
    """Check what the request of a picture names, as `load_request` does.

    Args:
        picture: where the request comes from.
        request: which `load_request(picture, trust=True)` gave.
        remote: a server is to run it. That server says which models it may use; files are read here, and sent there.
        allow: as for `load_request`.

    Raises:
        NotAllowed: it names what is not allowed.
        SDError: what the user has allowed cannot be read.
    """
    named = (each for each in external_names(request) if each.role is Role.FILE or not remote)
    allowed_for_picture(Path(picture), allow).check(named)


def allowed_for_picture(picture: Path, allow: Iterable[str] = ()) -> Allowed:
    """What the request in a picture may name on this machine; `allow`: more hub ids, files and folders."""
    return Allowed(home=home_folder(), more=absolute_names(allow), input_folder=picture.absolute().parent)


def _request_text(where: Path) -> str:
    try:
        text = _json_text(where) if where.suffix.lower() == ".json" else read_png_text(where).get(REQUEST)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(str(where), f"cannot be read: {error}", hint="check the path") from error
    if text is None:
        raise RequestError(str(where), "carries no request of sd_core", hint="only its own PNG files do")
    return text


def _json_text(where: Path) -> str:
    with open_regular(where) as stream:
        raw = stream.read(_MAX_TEXT + 1)
    if len(raw) > _MAX_TEXT:
        raise RequestError(str(where), f"is longer than {_MAX_TEXT} bytes", hint="no request is; name another file")
    return raw.decode("utf-8")


def inputs_folder(picture: Path) -> Path:
    """Where the arrays of a saved picture lie; several images of one request share a folder."""
    own = picture.with_name(f"{picture.stem}.inputs")
    shared = picture.with_name(f"{re.sub(r'-[0-9]+$', '', picture.stem)}.inputs")
    return own if own.is_dir() or not shared.is_dir() else shared


def read_png_text(path: Path) -> dict[str, str]:
    """The text chunks of a PNG; the standard library is enough, so this also works where there is no Pillow.

    Raises:
        RequestError: no PNG, a damaged one, or one with more text than any request has.
        OSError: it cannot be opened, or is no regular file.
    """
    with open_regular(path) as stream:
        if stream.read(8) != _PNG_SIGNATURE:
            raise RequestError(str(path), "is no PNG", hint="only PNG files carry requests")
        try:
            return dict(_texts(stream))
        except (ValueError, IndexError, struct.error, zlib.error) as error:
            raise RequestError(str(path), f"is a damaged PNG: {error}", hint="copy it again") from error


def _texts(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Texts up to the pixels; PNG specification, 11.3.4."""
    left = _MAX_TEXT
    while head := stream.read(8):
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return
        if length > left:
            raise ValueError(f"more than {_MAX_TEXT} bytes before the picture")
        body, check = stream.read(length), stream.read(4)
        if kind not in (b"tEXt", b"iTXt", b"zTXt"):
            left -= length
            continue
        if zlib.crc32(kind + body) != struct.unpack(">I", check)[0]:
            raise ValueError("a text chunk has a wrong checksum")
        key, text = _text(kind, body, left)
        left -= max(len(body), len(text))
        yield key, text


def _text(kind: bytes, body: bytes, most: int) -> tuple[str, str]:
    key, rest = body.split(b"\0", 1)
    if kind == b"tEXt":
        return key.decode("latin-1"), rest.decode("latin-1")
    if kind == b"zTXt":
        return key.decode("latin-1"), _inflate(rest[1:], most).decode("latin-1")
    compressed, (_, _, text) = rest[0], rest[2:].split(b"\0", 2)
    return key.decode("latin-1"), (_inflate(text, most) if compressed else text).decode("utf-8")


def _inflate(packed: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(packed, most + 1)
    if len(text) > most:
        raise ValueError(f"texts of more than {_MAX_TEXT} bytes")
    return text


def _settings(request: Request) -> dict[str, object]:
    """A1111's names for what it knows too; None is left out."""
    found: dict[str, object] = {}
    if isinstance(request, Generation):
        size = request.size
        found = {
            "Steps": request.num_inference_steps,
            "Sampler": _SAMPLERS.get(request.scheduler or "", request.scheduler),
            "CFG scale": request.guidance_scale,
            "Seed": request.seed,
            "Size": f"{size[1]}x{size[0]}" if size else None,
            "Model": PurePath(request.model).stem if request.model else None,
            "Denoising strength": getattr(request, "strength", None),
            **{f"ControlNet {index}": _control(request, index) for index in range(len(request.controls))},
            "Tiling": None if request.seamless == "none" else True,
        }
    found |= {"Task": type(request).__name__, "Version": f"sd_core {__version__}"}
    return {name: value for name, value in found.items() if value is not None}


def _control(request: Generation, index: int) -> str:
    control = request.controls[index]
    model = control.model or control.kind
    span = f"Guidance Start: {control.start:g}, Guidance End: {control.end:g}"
    return f"Module: none, Model: {model}, Weight: {control.scale:g}, {span}"


def _quote(value: object) -> str:
    """A1111 quotes, as JSON, what would be mistaken for several settings."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",\n:") else text
