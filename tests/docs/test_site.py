"""The documentation as MkDocs builds it: complete, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.slow

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
"""Attributes whose address a browser opens by itself."""


class _Loads(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") not in ("stylesheet", "icon", "preload", "preconnect"):
            return
        address = values.get(_LOADED.get(tag, ""))
        if address:
            self.addresses.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {}
    for page in site.rglob("*.html"):
        parser = _Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        loaded[page.name] = [address for address in parser.addresses if urlsplit(address).netloc]
    assert len(loaded) > 20
    assert {name: addresses for name, addresses in loaded.items() if addresses} == {}


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    sheets = {sheet.name: sheet.read_text(encoding="utf-8") for sheet in site.rglob("*.css")}
    assert [name for name, text in sheets.items() if "url(http" in text or "@import" in text] == []


def test_the_files_of_the_top_level_are_pages(site: Path) -> None:
    for name in ("security.html", "contributing.html", "changelog.html", "administration.html"):
        assert (site / name).is_file()


def test_the_reference_shows_the_fields_of_requests(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    assert "Denoising steps" in text
    assert "num_inference_steps" in text


def test_the_sources_of_the_tables_are_not_published(site: Path) -> None:
    assert list(site.rglob("*.py")) == []
