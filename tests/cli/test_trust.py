"""`sd-core run` with a picture that somebody sent, and what the user allows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sd_core.cli.progress import Display
from sd_core.cli.running import print_result
from sd_core.events import Loading
from sd_core.requests import Animation, Lora, Request, TextToImage
from sd_core.results import Result
from tests.cli.conftest import Run, environment
from tests.conftest import Built
from tests.tiny import TinyKind

STEPS = {"prompt": "red", "width": 64, "height": 64, "num_inference_steps": 1, "seed": 1, "scheduler": "ddim"}


def saved(request: Request, path: Path) -> Path:
    return Result(images=[np.zeros((8, 8, 3), np.uint8)], request=request).save(path)[0]


def at_a_terminal(folder: Path, answer: bytes, *arguments: str) -> tuple[int, str]:
    """Exit code and output of the program, with a person at the keyboard who types `answer`."""
    import pty

    keyboard, terminal = pty.openpty()
    home = {"SD_CORE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "sd_core.cli", *arguments]
    program = subprocess.Popen(
        command, cwd=folder, env=environment() | home, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    os.write(keyboard, answer)
    output = b""
    try:
        while part := os.read(keyboard, 4096):
            output += part
    except OSError:
        pass  # Linux says so when the program has closed its end
    os.close(keyboard)
    return program.wait(), output.decode()


def test_a_picture_that_names_itself_is_refused_and_reported(sd_core: Run, tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    saved(TextToImage(prompt="a", model=str(wall)), wall)
    done = sd_core("run", "wall.png", code=2)
    assert str(wall) in done.stderr
    assert f"sd-core models allow {wall}" in done.stderr
    error = json.loads(sd_core("run", "wall.png", "--json", code=2).stderr)
    assert error["error"] == "NotAllowed"
    assert error["names"] == [{"place": "model", "role": "model", "name": str(wall), "shown": str(wall)}]


@pytest.mark.parametrize("named", ["wall.png", "./wall.png", "owner/model"])
def test_a_name_that_lies_in_the_working_folder_is_refused(sd_core: Run, tmp_path: Path, named: str) -> None:
    (tmp_path / "owner" / "model").mkdir(parents=True)
    saved(TextToImage(prompt="a", model=named), tmp_path / "wall.png")
    assert str(tmp_path / named.removeprefix("./")) in sd_core("run", "wall.png", code=2).stderr


def test_frames_may_lie_next_to_the_picture_but_not_elsewhere_also_for_a_server(sd_core: Run, tmp_path: Path) -> None:
    (tmp_path / "shot").mkdir()
    secret = tmp_path / "secret.exr"
    saved(Animation(prompt="a", passes=str(secret)), tmp_path / "shot" / "a.png")
    for where in ((), ("--server", "http://127.0.0.1:9")):
        assert str(secret) in sd_core("run", "shot/a.png", *where, code=2).stderr
    saved(Animation(prompt="a", passes=str(tmp_path / "shot" / "none.exr")), tmp_path / "shot" / "b.png")
    assert "not allowed" not in sd_core("run", "shot/b.png", "--server", "http://127.0.0.1:9", code=1).stderr


def test_what_the_user_allows_runs_until_it_is_taken_back(sd_core: Run, tiny: Built, tmp_path: Path) -> None:
    model = tiny(TinyKind.SD1)
    saved(TextToImage(**STEPS, model=str(model)), tmp_path / "wall.png")
    run = ("run", "wall.png", "--device", "cpu", "--dtype", "float32", "-o")
    sd_core(*run, "no.png", code=2)
    sd_core(*run, "once.png", "--trust")
    sd_core(*run, "no.png", code=2)
    assert sd_core("models", "allow", model).stdout == f"allowed {model}\n"
    assert sd_core("models", "allowed").stdout == f"{model}\n"
    assert json.loads(sd_core("models", "allowed", "--json").stdout) == str(model)
    sd_core(*run, "allowed.png")
    sd_core("models", "disallow", model)
    sd_core("models", "disallow", model, code=2)
    sd_core(*run, "no.png", code=2)
    assert {path.name for path in tmp_path.glob("*.png")} == {"wall.png", "once.png", "allowed.png"}


def test_nonsense_and_damaged_approvals_are_reported(sd_core: Run, tmp_path: Path) -> None:
    assert "neither a hub id nor a path" in sd_core("models", "allow", "no such thing", code=2).stderr
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "allowed.json").write_text("{")
    saved(TextToImage(prompt="a", model="/x"), tmp_path / "wall.png")
    for command in (("models", "allowed"), ("models", "allow", "somebody/model"), ("run", "wall.png")):
        assert "allowed.json cannot be read" in sd_core(*command, code=1).stderr


@pytest.mark.parametrize("option", ["--python", "--json"])
def test_nothing_from_a_picture_steers_the_terminal(sd_core: Run, tmp_path: Path, option: str) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\x9b\r/x"
    saved(TextToImage(prompt=evil, model=evil, loras=(Lora(evil),)), tmp_path / "wall.png")
    done = sd_core("run", "wall.png", option, code=0 if option == "--python" else 2)
    plain = sd_core("run", "wall.png", code=2)
    for text in (done.stdout, done.stderr, plain.stdout, plain.stderr):
        assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo terminals")
@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04"])
def test_at_a_terminal_the_user_is_asked_and_anything_but_yes_is_no(tmp_path: Path, answer: bytes) -> None:
    saved(TextToImage(prompt="a", model=str(tmp_path / "wall.png")), tmp_path / "wall.png")
    code, output = at_a_terminal(tmp_path, answer, "run", "wall.png")
    assert "wall.png asks to use" in output
    assert f"model: {tmp_path / 'wall.png'}" in output
    assert "Use it this time? [y/N]" in output
    assert code == (130 if answer == b"\x04" else 2)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo terminals")
def test_yes_is_for_this_time_only(tmp_path: Path, tiny: Built) -> None:
    saved(TextToImage(**STEPS, model=str(tiny(TinyKind.SD1))), tmp_path / "wall.png")
    code, _ = at_a_terminal(tmp_path, b"y\n", "run", "wall.png", "--device", "cpu", "-o", "again.png")
    assert code == 0
    assert (tmp_path / "again.png").is_file()
    assert at_a_terminal(tmp_path, b"n\n", "run", "wall.png")[0] == 2


def test_the_programs_own_line_for_making_it_again_says_that_the_model_is_trusted(
    sd_core: Run, tiny: Built, tmp_path: Path
) -> None:
    how = ("--width", 64, "--height", 64, "--num-inference-steps", 1, "--dtype", "float32")
    output = sd_core("txt2img", "red", *how, "--model", tiny(TinyKind.SD1), "-o", "a.png").stdout
    assert "again: sd-core run a.png --trust" in output
    output = sd_core("txt2img", "red", *how, "-o", "b.png").stdout
    assert "again: sd-core run b.png\n" in output


ODD = "\x1b]0;pwned\x07\x1b[31m\nwrote it"


def is_plain(text: str) -> bool:
    return all(mark.isprintable() for line in text.splitlines() for mark in line)


def test_nothing_that_a_picture_holds_or_is_called_reaches_the_terminal_raw(sd_core: Run, tmp_path: Path) -> None:
    request = json.loads(TextToImage(prompt="a").to_json())
    for index, changes in enumerate(
        ({ODD: 1}, {"type": ODD}, {"model": ODD}, {"scheduler": ODD}, {"prompt": 1, ODD: ODD})
    ):
        picture = tmp_path / f"{index}.json"
        picture.write_text(json.dumps({**request, **changes}), "utf-8")
        output = sd_core("run", picture.name, code=2).output
        assert is_plain(output) and "wrote it" not in output.splitlines(), repr(output)
    output = sd_core("run", f"{ODD}.png", code=2).output
    assert is_plain(output) and "\\x1b[31m" in output


def test_names_of_written_files_and_warnings_are_printed_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(images=[np.zeros((8, 8, 3), np.uint8)], request=TextToImage(prompt="a"), warnings=(ODD,))
    print_result(result, [Path(f"{ODD}.png"), Path(f"{ODD}.json")])
    written = capsys.readouterr()
    assert is_plain(written.out) and is_plain(written.err)
    assert "wrote it" not in [*written.out.splitlines(), *written.err.splitlines()]
    assert written.err.count("\\x1b") == 2


def test_what_is_loading_is_printed_plainly_and_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    with Display() as display:
        display.show(Loading("reading [/red] \x1b[31m"))
    assert "reading [/red] \\x1b[31m" in capsys.readouterr().err
