"""Rules that hold for the repository as a whole."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

import sd_core
from sd_core import errors
from sd_core.errors import SDError

ROOT = Path(__file__).parent.parent
CODE = ("sd_core", "jupyter_ext", "blender_addon", "examples", "tests")
LONGEST_FILE, LONGEST_FUNCTION = 450, 60
SHIPPED_BYTES = 64_000_000

SOURCES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def fresh_interpreter(statement: str) -> str:
    check = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("front_end", ["sd_core", "sd_core.cli.app", "sd_core.client", "jupyter_ext"])
def test_front_ends_load_without_torch(front_end: str) -> None:
    loaded = set(fresh_interpreter(f"import {front_end}").split())
    assert not loaded & {"torch", "diffusers", "transformers", "PIL", "OpenEXR", "scipy", "fastapi"}


def test_every_public_name_is_there() -> None:
    missing = [name for name in sd_core.__all__ if not hasattr(sd_core, name)]
    assert missing == []


def test_no_file_is_too_long() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := _count(path)) > LONGEST_FILE}
    assert long == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_libraries_do_not_print() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if path.is_relative_to(ROOT / "sd_core")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []


def test_every_error_says_what_to_do() -> None:
    kinds = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SDError)}
    own_hint = {"OutOfMemory", "Cancelled"}
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if not path.is_relative_to(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in (kinds | {"JournalError"}) - own_hint
        and not any(keyword.arg == "hint" for keyword in node.keywords)
    ]
    assert silent == []


def test_licences_are_as_declared() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "blender_addon" / "LICENSE").read_text(encoding="utf-8")[:200]
    assert "GPL-3.0-or-later" in (ROOT / "blender_addon" / "__init__.py").read_text(encoding="utf-8")


def test_extras_hold_what_they_promise() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == {"server", "mesh", "video", "jupyter", "all", "docs", "test"}
    assert extras["all"] == ["sd-core[server,mesh,video,jupyter]"]
    assert [line for line in extras["test"] if line.startswith("bpy")] == ["bpy==5.0.1; python_version == '3.11'"]


def test_the_program_is_the_one_that_is_installed() -> None:
    module, function = PROJECT["project"]["scripts"]["sd-core"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_what_ships_in_the_package_stays_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "sd_core").rglob("*.safetensors")) <= SHIPPED_BYTES


def test_there_is_no_path_of_somebodys_machine_and_no_lock_file() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in tracked.stdout.split("\0") if name]
    assert [name for name in names if name.endswith(".lock")] == []
    own = re.compile(r"/(?:home|Users)/[a-z]|/opt/venv|/work/")
    texts = {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).suffix in {".py", ".md", ".toml", ""}}
    found = [name for name, raw in texts.items() if name != "tests/test_repository.py" and own.search(raw.decode())]
    assert found == []


def test_every_weekly_mark_has_its_minutes_and_a_reason_next_to_it() -> None:
    reason = re.compile(r"#.*\d+ minutes?: \w")
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bmark\.weekly\b", line) and not reason.search(line)
    ]
    assert bare == []


def test_every_test_that_needs_no_graphics_card_is_a_condition_of_some_run() -> None:
    """Whatever marks it has, an expression of the default run, of `.ci/run` or of `.ci/weekly` takes it."""
    options = PROJECT["tool"]["pytest"]["ini_options"]
    scripts = "".join((ROOT / ".ci" / name).read_text(encoding="utf-8") for name in ("run", "weekly"))
    asked = [*re.findall(r'pytest -m "(.+)"', scripts), options["addopts"][-1]]
    runs = [Expression.compile(expression) for expression in asked]
    names = [line.split(":")[0] for line in options["markers"] if not line.startswith("gpu")]
    for count in range(len(names) + 1):
        for marks in itertools.combinations(names, count):
            assert any(run.evaluate(lambda name, marks=marks, **_: name in marks) for run in runs), marks


def _count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
