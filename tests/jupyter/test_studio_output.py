"""What the notebook keeps: results as outputs, the page of the history, sizes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

from jupyter_ext.export import history_page, save_html
from jupyter_ext.history import History
from jupyter_ext.studio import Studio
from jupyter_ext.views.animation import AnimationTab, warp_errors
from sd_core import Animation, ServerError, TextToImage
from sd_core.results import Result
from sd_core.values import Array


def noise(height: int, width: int, seed: int = 0, channels: int = 3) -> Array:
    """The picture that compresses worst."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def result(*pictures: Array, seed: int = 7) -> Result:
    height, width = pictures[0].shape[:2]
    request = TextToImage(prompt="wall <b>", width=width, height=height, seed=seed, num_images=len(pictures))
    return Result(images=list(pictures), request=request, timings={"total": 1.5})


def test_a_small_result_is_shown_without_loss() -> None:
    picture = noise(256, 256)
    data, metadata = result(picture)._repr_mimebundle_()
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    assert np.array_equal(shown, picture) and metadata["image/png"] == {"width": 256, "height": 256}
    assert "seed 7" in data["text/plain"] and "256 x 256 px" in data["text/plain"]


def test_a_large_result_is_shown_as_jpeg_and_a_transparent_one_as_png() -> None:
    assert "image/jpeg" in result(noise(512, 512))._repr_mimebundle_()[0]
    assert "image/png" in result(noise(512, 512, channels=4))._repr_mimebundle_()[0]


def test_several_images_are_shown_on_one_sheet() -> None:
    data, _ = result(*(noise(64, 64, seed) for seed in range(4)))._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (132, 132)


def test_fifty_results_of_256_px_stay_below_20_mb_in_a_saved_notebook(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook()
    for seed in range(50):
        data, metadata = result(noise(256, 256, seed))._repr_mimebundle_()
        output = nbformat.v4.new_output("display_data", data, metadata=metadata)
        book.cells.append(nbformat.v4.new_code_cell("%sd txt2img wall", outputs=[output]))
    nbformat.write(book, tmp_path / "fifty.ipynb")
    assert (tmp_path / "fifty.ipynb").stat().st_size < 20e6


def test_the_page_of_the_history_holds_everything_and_fetches_nothing(tmp_path: Path) -> None:
    history = History()
    history.add(result(noise(64, 64), noise(64, 64, 1)), TextToImage(prompt="wall <b>"))
    path = save_html(history, tmp_path / "history.html")
    text = path.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 2
    assert "http:" not in text and "https:" not in text and "<script" not in text
    assert "wall &lt;b&gt;" in text and "wall <b>" not in text
    assert "seed=8" in text
    assert history_page([]).count("<figure") == 0


def test_each_image_of_a_batch_has_a_request_of_its_own() -> None:
    history = History()
    first, second = history.add(result(noise(64, 64), noise(64, 64, 1)), TextToImage(prompt="a"))
    assert isinstance(second.request, TextToImage)
    assert (second.request.seed, second.request.num_images) == (8, 1)
    assert np.array_equal(second.picture, noise(64, 64, 1)) and first.id != second.id


class Leaving(Sequence[Array]):
    """Frames that are read anew each time, until they are gone."""

    gone = False

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        if self.gone:
            raise ServerError("there is no blob", status=404, hint="it made room for newer ones")
        return noise(16, 16, index)


def test_an_animation_whose_frames_are_gone_hides_no_other_image() -> None:
    studio, frames = Studio(), Leaving()
    asked = Animation(prompt="a", passes="frames/####.exr")
    (entry,) = studio.history.add(Result(images=frames, request=asked), asked)
    frames.gone = True
    made = result(noise(16, 16, 2))
    studio._show_result(studio.history.add(made, made.request)[0])
    assert len(studio._panel.gallery.items) == 2 and studio.result is made
    studio.restore(entry)
    assert np.array_equal(np.asarray(studio.image), noise(16, 16)) and studio.error is None
    studio._panel.select_tab(next(view for view in studio._panel.views if isinstance(view, AnimationTab)))
    assert isinstance(studio.error, ServerError) and "no blob" in studio._panel.error.value
    studio.close()


def test_the_history_forgets_the_oldest_first() -> None:
    history = History(limit=3)
    made = [history.add(result(noise(8, 8, seed), seed=seed), TextToImage(prompt="a"))[0] for seed in range(5)]
    assert [entry.id for entry in history] == [entry.id for entry in made[2:]]


def test_the_warp_errors_of_a_report_are_plotted_and_missing_ones_are_gaps() -> None:
    report = {"frames": [{}, {"warp_error": 0.25}, {"warp_error": None}]}
    request = Animation(prompt="a", passes="frames/####.exr")
    made = Result(images=[noise(8, 8)], request=request, report=json.loads(json.dumps(report)))
    assert warp_errors(made) == [None, pytest.approx(0.25), None]
