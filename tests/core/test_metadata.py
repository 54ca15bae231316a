"""What a saved picture says, to us and to other tools."""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sd_core import Control, ImageToImage, Lora, RequestError, Result, TextToImage, load_request
from sd_core.metadata import parameters_text, read_png_text

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)

FULL = TextToImage(
    prompt="a (mossy:1.3) wall,\nin the rain",
    negative_prompt="people, text: none",
    width=16,
    height=8,
    num_inference_steps=20,
    guidance_scale=7.5,
    scheduler="dpmpp_2m_karras",
    seed=1,
    model="stabilityai/stable-diffusion-2-1",
    loras=[Lora("loras/moss.safetensors", 0.8)],
    controls=[Control("depth", PICTURE, scale=0.5)],
)

# How A1111's web UI and the tools that follow it read the last line.
SETTING = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def parsed(text: str) -> dict[str, str]:
    """Prompt, negative prompt and settings, as A1111 takes them apart."""
    *lines, last = text.strip().split("\n")
    assert len(SETTING.findall(last)) >= 3, "A1111 would take the last line for a part of the prompt"
    cut = next((index for index, line in enumerate(lines) if line.startswith("Negative prompt:")), len(lines))
    found = {key: json.loads(value) if value.startswith('"') else value for key, value in SETTING.findall(last)}
    negative = "\n".join(lines[cut:]).removeprefix("Negative prompt:").strip()
    return {"Prompt": "\n".join(lines[:cut]), "Negative prompt": negative, **found}


def test_other_tools_can_read_the_parameters() -> None:
    found = parsed(parameters_text(FULL))
    assert found["Prompt"] == "a (mossy:1.3) wall,\nin the rain<lora:moss:0.8>"
    assert found["Negative prompt"] == "people, text: none"
    assert found["Steps"] == "20" and found["Sampler"] == "DPM++ 2M Karras" and found["CFG scale"] == "7.5"
    assert found["Seed"] == "1" and found["Size"] == "16x8" and found["Model"] == "stable-diffusion-2-1"
    assert "Weight: 0.5" in found["ControlNet 0"] and found["Version"].startswith("sd_core ")


def test_strength_is_called_denoising_strength() -> None:
    request = ImageToImage(prompt="a", image=PICTURE, strength=0.6, seed=2, num_inference_steps=4)
    assert parsed(parameters_text(request))["Denoising strength"] == "0.6"


def test_a_png_holds_both_texts_before_its_pixels(tmp_path: Path) -> None:
    Result(images=[PICTURE], request=FULL).save(tmp_path / "wall.png")
    with Image.open(tmp_path / "wall.png") as image:
        assert image.info["parameters"] == parameters_text(FULL)
        assert image.info["sd_core"] == FULL.to_json()
        assert np.array_equal(np.asarray(image), PICTURE)


def test_prompts_of_every_script_survive(tmp_path: Path) -> None:
    request = TextToImage(prompt="苔むした壁 · стена · 🧱", negative_prompt="é\n\t")
    Result(images=[PICTURE], request=request).save(tmp_path / "wall.png")
    assert load_request(tmp_path / "wall.png") == request
    assert read_png_text(tmp_path / "wall.png")["parameters"] == parameters_text(request)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp"])
def test_jpeg_and_webp_hold_the_parameters_in_exif(tmp_path: Path, suffix: str) -> None:
    Result(images=[PICTURE], request=FULL).save(tmp_path / f"wall.{suffix}")
    with Image.open(tmp_path / f"wall.{suffix}") as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment[:8] == b"UNICODE\0"
    assert comment[8:].decode("utf-16-be") == parameters_text(FULL)


def test_texts_that_other_programs_wrote_are_read(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("a", "plain")
    texts.add_text("b", "packed" * 100, zip=True)
    texts.add_itxt("c", "wörld", lang="en", tkey="C", zip=True)
    texts.add_itxt("d", "стена")
    Image.fromarray(PICTURE).save(tmp_path / "a.png", pnginfo=texts)
    expected = {"a": "plain", "b": "packed" * 100, "c": "wörld", "d": "стена"}
    assert read_png_text(tmp_path / "a.png") == expected


def test_a_json_file_is_a_request_too(tmp_path: Path) -> None:
    (tmp_path / "wall.json").write_text(TextToImage(prompt="a").to_json())
    assert load_request(tmp_path / "wall.json") == TextToImage(prompt="a")


def test_pictures_without_a_request_are_refused(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "plain.png")
    Result(images=[PICTURE], request=TextToImage(prompt="a")).save(tmp_path / "wall.jpg")
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 9, b"tEXt") + b"sd_core\0{xxxx")
    for name in ("plain.png", "wall.jpg", "damaged.png", "missing.png"):
        with pytest.raises(RequestError, match=name):
            load_request(tmp_path / name)


def test_a_packed_text_cannot_fill_the_memory(tmp_path: Path) -> None:
    import zlib

    body = b"sd_core\0\0" + zlib.compress(b" " * 70 * 1024**2)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(RequestError, match="damaged"):
        load_request(tmp_path / "bomb.png")


def test_many_packed_texts_cannot_fill_the_memory_together(tmp_path: Path) -> None:
    body = b"sd_core\0\0" + zlib.compress(bytes(20 * 1024**2), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    path = tmp_path / "many.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + 4000 * chunk)
    with pytest.raises(RequestError, match="damaged PNG"):
        load_request(path)


@pytest.mark.parametrize("suffix", [".json", ".png"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_a_request_is_read_from_regular_files_only(tmp_path: Path, suffix: str) -> None:
    pipe, endless = tmp_path / f"pipe{suffix}", tmp_path / f"endless{suffix}"
    os.mkfifo(pipe)
    endless.symlink_to("/dev/zero")
    for path in (pipe, endless, tmp_path):
        with pytest.raises(RequestError):
            load_request(path)


def test_a_request_longer_than_any_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as stream:
        stream.truncate(200 * 1024**3)
    with pytest.raises(RequestError, match="is longer than"):
        load_request(path)
