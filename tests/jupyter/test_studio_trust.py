"""A picture that somebody sent fills the studio's form only after the user has seen what it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jupyter_ext.studio import Studio
from sd_core import Engine, RequestError, TextToImage
from sd_core.paths import home_folder
from sd_core.requests import Request
from sd_core.results import Result
from sd_core.trust import approve


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(device="cpu", dtype="float32") as made:
        yield made


@pytest.fixture
def studio(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path / "home"))
    made = Studio(engine)
    yield made
    made.close()


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    """A picture that names itself as the model."""
    path = tmp_path / "<b>wall.png"
    return saved(TextToImage(prompt="from elsewhere", model=str(path)), path)


def saved(request: Request, path: Path) -> Path:
    return Result(images=[np.zeros((8, 8, 3), np.uint8)], request=request).save(path)[0]


def asks(studio: Studio) -> bool:
    return studio._panel.question.box.layout.display != "none"


def test_a_picture_that_names_nothing_fills_the_form_at_once(studio: Studio, tmp_path: Path) -> None:
    request = TextToImage(prompt="a wall", model="sd15")
    studio.open_picture(saved(request, tmp_path / "plain.png"))
    assert studio.request == request
    assert not asks(studio)


def test_what_a_picture_names_is_shown_and_nothing_else_happens(studio: Studio, wall: Path) -> None:
    before = studio.request
    studio.open_picture(wall)
    assert asks(studio)
    assert studio.request == before
    assert not studio._runner.unfinished_jobs
    shown = studio._panel.question._text.value
    assert str(wall).replace("<b>", "&lt;b&gt;") in shown
    assert "<b>wall" not in shown.removeprefix("<b>")


def test_no_leaves_the_form_and_yes_fills_it(studio: Studio, wall: Path) -> None:
    before = studio.request
    studio.open_picture(wall)
    studio._panel.question.no.click()
    assert studio.request == before
    assert not asks(studio)
    studio._panel.question.yes.click()  # too late
    assert studio.request == before
    studio.open_picture(wall)
    studio._panel.question.yes.click()
    assert isinstance(studio.request, TextToImage)
    assert studio.request.model == str(wall)
    assert not studio._runner.unfinished_jobs


def test_the_request_that_was_asked_about_is_the_one_that_is_used(studio: Studio, wall: Path) -> None:
    studio.open_picture(wall)
    saved(TextToImage(prompt="another", model="/etc/passwd"), wall)
    studio._panel.question.yes.click()
    assert isinstance(studio.request, TextToImage)
    assert studio.request.prompt == "from elsewhere"


def test_a_second_picture_takes_back_the_question_of_the_first(studio: Studio, wall: Path, tmp_path: Path) -> None:
    studio.open_picture(wall)
    studio.open_picture(saved(TextToImage(prompt="a wall"), tmp_path / "plain.png"))
    assert not asks(studio)
    studio._panel.question.yes.click()
    assert studio.request == TextToImage(prompt="a wall")


def test_what_the_user_has_allowed_is_not_asked_about(studio: Studio, wall: Path) -> None:
    approve(home_folder(), [str(wall)])
    studio.open_picture(wall)
    assert not asks(studio)
    assert isinstance(studio.request, TextToImage)


def test_a_file_without_a_request_is_an_error(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        studio.open_picture(tmp_path / "missing.png")
