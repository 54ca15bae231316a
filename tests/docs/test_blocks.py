"""Every block of code in the documentation runs, or says why it cannot."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from sd_core.cli.app import make_app
from tests.docs.pages import PAGES, Block, blocks, commands, page_name
from tests.docs.running import run_blocks


def _cases() -> list[Any]:
    """Pages with something to run; those that start programs, each of which imports torch, are slow."""
    found = ((page, [block for block in blocks(page) if block.runs]) for page in PAGES)
    return [
        pytest.param(
            page,
            wanted,
            id=page_name(page),
            marks=[pytest.mark.slow] if any(block.language == "bash" for block in wanted) else [],
        )
        for page, wanted in found
        if wanted
    ]


@pytest.mark.parametrize(("page", "wanted"), _cases())
def test_the_blocks_of_the_page_run_in_order(
    page: Path, wanted: Sequence[Block], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir(mode=0o700)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SD_CORE_HOME", str(home))
    run_blocks(page, wanted, folder, home)


def test_there_are_blocks_to_run() -> None:
    assert sum(block.runs for page in PAGES for block in blocks(page)) > 30


def test_a_block_that_is_not_run_says_why() -> None:
    unmarked = [
        f"{page_name(page)}:{block.line}"
        for page in PAGES
        for block in blocks(page)
        if block.language in ("python", "bash") and not block.runs and len(block.reason.split()) < 2
    ]
    assert unmarked == []


def test_code_is_in_a_language_that_is_run_or_is_no_code_of_ours() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert languages <= {"python", "bash", "bat", "ini", "nginx", "dockerfile", "toml"}


@pytest.mark.parametrize("page", [pytest.param(page, id=page_name(page)) for page in PAGES if any(commands(page))])
def test_the_program_understands_every_command_line(page: Path) -> None:
    program = get_command(make_app())
    for line in commands(page):
        _parse(program, shlex.split(line.partition(" | ")[0].partition(" &")[0])[1:])


def _parse(command: Any, words: list[str]) -> None:
    """Parse without running anything, down to the sub-command.

    Raises:
        typer.BadParameter: or another usage error, which fails the test.
    """
    with command.make_context(command.name or "sd-core", words, ignore_unknown_options=False) as context:
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if hasattr(command, "resolve_command"):
            _, child, left = command.resolve_command(context, rest)
            assert child is not None, words
            _parse(child, left)


def test_a_wrong_option_is_noticed() -> None:
    with pytest.raises(typer.BadParameter.__mro__[1]):
        _parse(get_command(make_app()), ["txt2img", "red", "--no-such-option"])
