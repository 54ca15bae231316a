"""`%sd` and `%%sd` in a real IPython shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from jupyter_ext.arguments import read_line
from jupyter_ext.engines import default_engine
from sd_core import ImageToImage, RequestError, TextToImage, Texture
from tests.conftest import Built
from tests.tiny import TinyKind


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "jupyter_ext")
    yield made
    InteractiveShell.clear_instance()


def request_of(line: str, cell: str | None = None, **variables: Any) -> Any:
    wanted = read_line(line, cell, variables)
    assert wanted is not None
    return wanted.request


def test_words_that_are_no_options_are_the_prompt() -> None:
    request = request_of("txt2img a wall of bricks --seed 7 --width 64")
    assert request == TextToImage(prompt="a wall of bricks", seed=7, width=64)


def test_the_cell_is_the_prompt_as_it_stands() -> None:
    assert request_of("txt2img --seed 7", "two  blanks,\ntwo lines\n").prompt == "two  blanks,\ntwo lines"


def test_a_prompt_that_stands_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="is given twice"):
        request_of("txt2img one", "two\n")


def test_variables_are_put_in_as_text_as_numbers_and_as_whole_objects() -> None:
    photo = np.zeros((16, 24, 3), np.uint8)
    request = request_of(
        "img2img a {colour} wall --image {photo} --seed {seed} --strength {share}",
        colour="deep red", photo=photo, seed=np.int64(4).item(), share=0.25,
    )  # fmt: skip
    assert request == ImageToImage(prompt="a deep red wall", image=photo, seed=4, strength=0.25)


def test_attributes_items_and_formats_of_variables_are_reached() -> None:
    photos = [np.zeros((16, 24, 3), np.uint8)]
    request = request_of("img2img {x:.1f} {c.real} --image {photos[0]}", photos=photos, x=0.25, c=3 + 1j)
    assert request == ImageToImage(prompt="0.2 3.0", image=photos[0])


def test_doubled_braces_are_braces_and_an_unknown_variable_is_named() -> None:
    assert request_of("txt2img", "a {{literal}} brace\n").prompt == "a {literal} brace"
    with pytest.raises(RequestError, match="no variable 'nowhere'"):
        request_of("txt2img a {nowhere}")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("nonsense a", "txt2img"),
        ("txt2img a --no-such-option 3", "no-such-option"),
        ("txt2img a --width many", "'--width'"),
        ("txt2img 'a", "quote"),
        ("txt2img a --width 65", "multiple of 8"),
        ("txt2img a {", "brace"),
    ],
)
def test_a_mistake_says_what_is_wrong(line: str, names: str) -> None:
    with pytest.raises(RequestError) as caught:
        request_of(line)
    assert names in str(caught.value)


def test_a_style_is_put_around_the_prompt() -> None:
    assert "watercolour" in request_of("txt2img a barn --style watercolour").prompt


def test_the_options_are_those_of_the_command_line() -> None:
    request = request_of("texture moss --map normal --map height --normal-convention directx --num-inference-steps 3")
    assert request == Texture(
        prompt="moss", maps=("normal", "height"), normal_convention="directx", num_inference_steps=3
    )


def test_the_line_gives_the_result_of_the_engine_and_may_write_it(
    shell: InteractiveShell, tiny: Built, tmp_path: Path
) -> None:
    model = shlex.quote(str(tiny(TinyKind.SD1)))
    path = tmp_path / "a.png"
    line = f"txt2img wall --model {model} --scheduler ddim --width 64 --height 64 --num-inference-steps 2 --seed 5 -o {path}"
    result = shell.run_line_magic("sd", line)
    again = default_engine().run(result.request)
    assert (result.images[0] == again.images[0]).all() and path.is_file()


def test_an_error_is_one_line_without_a_traceback(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    done = shell.run_cell("%sd txt2img a --width 65")
    assert isinstance(done.error_in_exec, UsageError)
    printed = capsys.readouterr()
    assert "multiple of 8" in printed.err and "Traceback" not in printed.err + printed.out


def test_help_prints_the_options_and_runs_nothing(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.run_line_magic("sd", "txt2img --help") is None
    assert "guidance-scale" in capsys.readouterr().out
