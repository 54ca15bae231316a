"""The page about an animation: everything in one file."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from sd_core.animation.media.report import motion_picture, write_page
from sd_core.encoding import encode_png
from sd_core.errors import RequestError
from sd_core.passes import FramePasses, motion_from_offsets
from tests.animation.clips import moving

PROMPT = "a <!--<script></script><b>bold</b> prompt & more"


class Scripts(HTMLParser):
    """Collects what a browser would take for the data."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.data, self.tags = False, "", []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = tag == "script" and ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.data += data if self.inside else ""


def finished(folder: Path, count: int = 6) -> Path:
    """An output folder as an animation leaves it."""
    (folder / "frames").mkdir(parents=True)
    for index, frame in enumerate(moving(count, 32, 48)):
        (folder / "frames" / f"{index:06d}.png").write_bytes(encode_png(frame))
    frames: list[dict[str, Any]] = [
        {"index": i, "reused": i / 10, "evaluations": 12.0, "sharpness": 1e-4 * i, "seconds": 0.5} for i in range(count)
    ]
    frames[1]["warp_error"] = 0.001
    report = {"request": {"prompt": PROMPT, "seed": 3}, "frames": frames, "depth_range": [1.0, 9.0], "cuts": [3]}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def passes(count: int = 6) -> list[FramePasses]:
    depth = np.full((40, 56), 4.0, np.float32)
    motion = motion_from_offsets(np.full((40, 56, 2), 3.0, np.float32), np.zeros((40, 56, 2), np.float32))
    return [FramePasses(depth=depth, motion=motion, image=moving(1, 40, 56)[0]) for _ in range(count)]


def data_of(page: Path) -> dict[str, Any]:
    parsed = Scripts()
    parsed.feed(page.read_text(encoding="utf-8"))
    assert "b" not in parsed.tags
    return json.loads(parsed.data)


def test_the_page_holds_frames_passes_and_figures(tmp_path: Path) -> None:
    data = data_of(write_page(finished(tmp_path / "out"), passes().__getitem__, fps=12, margin=4))
    assert {name: len(track) for name, track in data["tracks"].items()} == dict.fromkeys(
        ("result", "input", "depth", "motion"), 6
    )
    assert data["figures"]["reused"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert data["figures"]["warp_error"] == [None, 0.001, None, None, None, None]
    assert (data["cuts"], data["fps"], data["size"], data["request"]["prompt"]) == ([3], 12, [32, 48], PROMPT)


def test_the_page_names_nothing_outside_itself(tmp_path: Path) -> None:
    text = write_page(finished(tmp_path / "out"), passes().__getitem__, margin=4).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)


def test_a_long_animation_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sd_core.animation.media.report._FRAMES_SHOWN", 3)
    data = data_of(write_page(finished(tmp_path / "out", 7), passes(7).__getitem__, margin=4))
    assert data["stride"] == 3 and len(data["figures"]["reused"]) == 7
    assert all(len(track) == 3 for track in data["tracks"].values())


def test_motion_is_dark_where_nothing_moves_and_of_another_hue_the_other_way() -> None:
    offsets = np.zeros((2, 80, 2), np.float32)
    offsets[0, :40], offsets[0, 40:] = (10, 0), (-10, 0)
    picture = motion_picture(offsets).astype(int)
    assert not picture[1].any()
    assert picture[0].max(-1).min() == 255 and np.abs(picture[0, 0] - picture[0, 79]).max() > 100


def test_without_a_report_there_is_no_page(tmp_path: Path) -> None:
    folder = finished(tmp_path / "out")
    (folder / "report.json").write_text("[]")
    with pytest.raises(RequestError, match=r"report\.json"):
        write_page(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.browser
def test_the_page_opens_from_disk_and_plays(tmp_path: Path, browser: Browser) -> None:
    page = write_page(finished(tmp_path / "out"), passes().__getitem__, margin=4)
    complaints: list[str] = []
    opened = browser.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: complaints.append(request.url) if request.url[:4] == "http" else None)
    opened.goto(page.as_uri())
    assert opened.inner_text("h1") == PROMPT
    first = opened.locator("#stage img").nth(1).get_attribute("src")
    opened.keyboard.press("ArrowRight")
    assert opened.inner_text("#number") == "1 of 5"
    assert opened.locator("#stage img").nth(1).get_attribute("src") != first
    opened.select_option("select", "depth")
    assert opened.locator("#stage img").nth(0).get_attribute("src") == data_of(page)["tracks"]["depth"][1]
    assert opened.locator(".plot").count() == 5
    opened.click("#play")
    opened.wait_for_function("document.getElementById('number').textContent !== '1 of 5'")
    opened.close()
    assert complaints == []
