"""Every block of the README does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102
    assert (tmp_path / "wall.png").is_file()


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("sd-core")]
    assert len(lines) >= 4
    for line in lines:
        command = [sys.executable, "-m", "sd_core.cli", *shlex.split(line)[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert (tmp_path / "again.png").is_file()


def test_the_first_two_bash_blocks_are_the_two_commands() -> None:
    install, test = blocks("bash")[:2]
    assert "pip install" in install and "sd-core demo" in install
    assert test.splitlines()[-1] == "pytest"
