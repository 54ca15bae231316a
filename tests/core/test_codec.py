"""JSON from anywhere: what is unknown, missing, altered or absurd is refused with a `RequestError`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sd_core import Control, ImageToImage, MeshTexture, RequestError, TextToImage, from_json, load_array
from sd_core.saving import save_arrays
from sd_core.values import array_digest, from_npy, npy_bytes

PICTURE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
REQUEST = ImageToImage(prompt="a wall", image=PICTURE)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("json", ""),
        ("json", "{"),
        ("json", "3"),
        ("json", '"TextToImage"'),
        ("json", b"\xff\xfe\xfd"),
        ("json", "[" * 100_000),
        ("json", '{"type": "TextToImage", "prompt": ' + "[" * 500 + "]" * 500 + "}"),
        ("json", '{"type": "TextToImage", "prompt": "a", "seed": 1' + "0" * 5000 + "}"),
        ("json", '{"type": "TextToImage", "prompt": "a", "guidance_scale": NaN}'),
        ("guidance_scale", '{"type": "TextToImage", "prompt": "a", "guidance_scale": 1e999}'),
        ("json", "[]"),
        ("type", "{}"),
        ("type", '{"type": "Wizard"}'),
        ("type", '{"type": ["TextToImage"]}'),
        ("type", '{"type": "Lora", "path": "a"}'),
        ("prompt", '{"type": "TextToImage"}'),
        ("prompt", '{"type": "TextToImage", "prompt": "a", "prompt": "b"}'),
        ("prompt", '{"type": "TextToImage", "prompt": {"type": "Reuse"}}'),
        ("sampler", '{"type": "TextToImage", "prompt": "a", "sampler": "ddim"}'),
        ("loras[0].weight", '{"type": "TextToImage", "prompt": "a", "loras": [{"type": "Lora", "path": "a", "weight": 1e9}]}'),
        ("image", '{"type": "ImageToImage", "prompt": "a", "image": "/etc/hostname"}'),
        ("image", '{"type": "ImageToImage", "prompt": "a", "image": {"blob": "../../etc/hostname"}}'),
    ],
)  # fmt: skip
def test_bad_json_is_refused(field: str, text: str | bytes) -> None:
    with pytest.raises(RequestError) as caught:
        from_json(text)
    assert caught.value.field == field


_keys = st.sampled_from(["type", "blob", "prompt", "image"]) | st.text()
_plain = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(_plain, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner)))
def test_any_json_gives_a_request_or_a_request_error(data: object) -> None:
    try:
        assert from_json(json.dumps(data)).prompt is not None  # type: ignore[union-attr]
    except RequestError as error:
        assert error.field  # noqa: PT017 - either outcome is right


def test_a_missing_array_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=f"image: .* is missing in {tmp_path}; keep the .inputs folder"):
        from_json(REQUEST.to_json(), folder=tmp_path)


def test_arrays_are_found_in_a_folder(tmp_path: Path) -> None:
    save_arrays(REQUEST, tmp_path / "wall.inputs")
    assert from_json(REQUEST.to_json(), folder=tmp_path / "wall.inputs") == REQUEST


def test_an_array_with_other_content_is_refused(tmp_path: Path) -> None:
    digest = next(iter(REQUEST.arrays()))
    with pytest.raises(RequestError, match="other content"):
        from_json(REQUEST.to_json(), {digest: PICTURE + 1})
    (tmp_path / f"{digest}.npy").write_bytes(npy_bytes(PICTURE + 1))
    with pytest.raises(RequestError, match="changed since it was saved"):
        from_json(REQUEST.to_json(), folder=tmp_path)


def test_an_array_of_another_shape_is_refused() -> None:
    data = json.loads(REQUEST.to_json())
    data["image"]["shape"] = [8, 8, 4]
    with pytest.raises(RequestError, match=r"image: the array is uint8 \[8, 8, 3\]"):
        from_json(json.dumps(data), REQUEST.arrays())


def test_a_wrong_value_in_a_part_is_named_by_its_path() -> None:
    request = TextToImage(prompt="a", controls=[Control("tile", PICTURE)])
    data = json.loads(request.to_json())
    data["controls"][0]["end"] = -1
    with pytest.raises(RequestError, match=r"^controls\[0\]\.end: "):
        from_json(json.dumps(data), request.arrays())


def test_the_digest_is_that_of_the_file_that_numpy_writes(tmp_path: Path) -> None:
    import hashlib

    np.save(tmp_path / "a.npy", PICTURE)
    assert hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest() == array_digest(PICTURE)
    assert (load_array(tmp_path / "a.npy") == PICTURE).all()


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_file_named_after_its_digest_is_read_in_any_layout_and_refused_when_changed(
    tmp_path: Path, layout: str
) -> None:
    import hashlib

    np.save(tmp_path / "a.npy", PICTURE.copy(layout))
    raw = (tmp_path / "a.npy").read_bytes()
    named = tmp_path / f"{hashlib.sha256(raw).hexdigest()}.npy"
    named.write_bytes(raw)
    assert (load_array(named) == PICTURE).all()
    named.write_bytes(raw[:-1] + b"\x01")
    with pytest.raises(RequestError, match="changed since it was saved"):
        load_array(named)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.ones((), np.float32),
        PICTURE,
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=["empty", "number", "picture", "big-endian", "by-columns"],
)
def test_a_file_gives_the_frozen_array_that_it_was_written_from(array: np.ndarray) -> None:
    stream = io.BytesIO()
    np.save(stream, array)
    read = from_npy(stream.getvalue())
    assert np.array_equal(read, array) and not read.flags.writeable
    assert npy_bytes(read) == npy_bytes(array) and array_digest(read) == array_digest(array)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print, {}], dtype=object), allow_pickle=True)
    with pytest.raises(RequestError, match="not numbers"):
        load_array(tmp_path / "a.npy")


@given(st.integers(0, 200), st.binary(max_size=8))
def test_a_damaged_npy_file_is_refused_or_whole(length: int, tail: bytes) -> None:
    raw = npy_bytes(PICTURE)[:length] + tail
    with pytest.raises(RequestError):
        from_npy(raw)


def test_a_header_that_promises_too_much_allocates_nothing() -> None:
    raw = npy_bytes(PICTURE).replace(b"(8, 8, 3), ", b"(99999999,)", 1)
    with pytest.raises(RequestError):
        from_npy(raw)


def test_json_of_before_there_were_versions_is_read() -> None:
    data = json.loads(REQUEST.to_json())
    assert data.pop("format") == 1
    assert from_json(json.dumps(data), REQUEST.arrays()) == REQUEST


def test_json_of_before_there_were_versions_may_hold_what_had_no_effect() -> None:
    data = json.loads(MeshTexture(prompt="moss", mesh="ball.obj").to_json())
    del data["format"]
    data |= {"seamless": "xy", "seamless_method": "rolling"}
    assert from_json(json.dumps(data)) == MeshTexture(prompt="moss", mesh="ball.obj")
    with pytest.raises(RequestError, match=r"seamless: must be 'none' for MeshTexture"):
        from_json(json.dumps({**data, "format": 1}))


@pytest.mark.parametrize(
    "fields",
    [{"seamless": "xy"}, {"seamless_method": "rolling"}, {"controls": [], "seamless": "x"}],
)
def test_json_without_a_format_that_names_only_some_unused_fields_is_refused_by_name(fields: dict[str, Any]) -> None:
    written = {"type": "MeshTexture", "prompt": "moss", "mesh": "ball.obj"}
    assert from_json(json.dumps(written)) == MeshTexture(prompt="moss", mesh="ball.obj")
    with pytest.raises(RequestError, match="for MeshTexture") as refused:
        from_json(json.dumps(written | fields))
    assert refused.value.field in fields and refused.value.hint


@pytest.mark.parametrize(
    ("version", "message"), [(2, "is 2, but"), (10**6, "is 1000000"), (-1, "whole"), ("1", "whole")]
)
def test_another_version_is_refused_by_number_with_what_to_do(version: object, message: str) -> None:
    data = json.loads(TextToImage(prompt="a").to_json()) | {"format": version}
    with pytest.raises(RequestError, match=message) as refused:
        from_json(json.dumps(data))
    assert refused.value.field == "format" and refused.value.hint


def test_an_unknown_field_is_refused_by_name_and_the_hint_says_that_a_newer_version_may_have_it() -> None:
    data = json.loads(TextToImage(prompt="a").to_json()) | {"mood": "calm"}
    with pytest.raises(RequestError, match="mood: is no field of TextToImage") as refused:
        from_json(json.dumps(data))
    assert "newer version" in refused.value.hint
