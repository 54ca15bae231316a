"""The program as a user runs it, in an empty folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sd_core.cli.app import make_app

ROOT = Path(__file__).parents[2]

Run = Callable[..., Result]


def environment() -> dict[str, str]:
    """Plain, wide output; no network; this tree's `sd_core`. For programs in a process of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SD_CORE_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def sd_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`sd_core("txt2img", "brick", ..., code=0)`: what the program wrote, having ended with exit code `code`.

    It runs in this process, since torch takes seconds to load.
    """
    monkeypatch.chdir(tmp_path)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path / "home"))

    def run(*arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(make_app(), [*map(str, arguments)])
        assert done.exit_code == code, done.output
        return done

    return run
