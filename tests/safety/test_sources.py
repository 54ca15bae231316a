"""What the source itself must not contain: ways in which a file could name code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = [
    file
    for folder in ("sd_core", "blender_addon", "jupyter_ext")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "__pycache__" not in file.parts
]
UNPICKLERS = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "yaml",
    "jsonpickle",
}
GUARDED = ROOT / "sd_core" / "models" / "parts.py"
"""Where folders that were checked are loaded, with pickles if the environment allows them."""

WITHOUT_WEIGHTS = ("Tokenizer", "Scheduler", "ImageProcessor", "Config")
"""Endings of classes that read configurations and tables alone."""


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Every call, with the name of what is called and what it is called on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield node, function.attr, ast.unparse(function.value)
            elif isinstance(function, ast.Name):
                yield node, function.id, ""


def option(call: ast.Call, name: str) -> object:
    """The literal that a call gives as this option; what is no literal counts as nothing."""
    value = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else None


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def faults(file: Path, source: str) -> Iterator[str]:
    """What is wrong with a file."""
    tree = ast.parse(source)
    yield from (f"imports {name}" for name in imported(tree) if name in UNPICKLERS)
    for call, name, owner in calls(tree):
        where = f"line {call.lineno}: {ast.unparse(call)[:90]}"
        if name in ("eval", "exec") and not owner:
            yield f"{where} runs text"
        if name == "load" and owner == "torch" and option(call, "weights_only") is not True:
            yield f"{where} unpickles"
        if name == "load" and owner in ("np", "numpy") and option(call, "allow_pickle") is not False:
            yield f"{where} may unpickle"
        if name == "from_pretrained" and not is_guarded(file, call, owner):
            yield f"{where} takes pickles"
        if name in ("from_single_file", "load_lora_weights") and isinstance(call.args[0], ast.Name | ast.Attribute):
            yield f"{where} goes by the suffix of a file"
        code = [keyword.arg for keyword in call.keywords if keyword.arg in ("trust_remote_code", "custom_pipeline")]
        if any(option(call, str(argument)) is not False for argument in code):
            yield f"{where} takes code"


def is_guarded(file: Path, call: ast.Call, owner: str) -> bool:
    reads_no_weights = owner.endswith(WITHOUT_WEIGHTS)
    # `cls` of a scheduler, whose class the folder's check has bound to diffusers' own
    is_scheduler = option(call, "subfolder") == "scheduler"
    return file == GUARDED or reads_no_weights or is_scheduler or option(call, "use_safetensors") is True


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_source_unpickles_or_runs_what_a_file_says(file: Path) -> None:
    assert not list(faults(file, file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "from dill import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=safe)",
        "np.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "exec(text)",
        "eval(text)",
        "cls.from_pretrained(folder)",
        "cls.from_pretrained(folder, use_safetensors=None)",
        "cls.from_single_file(path)",
        "AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=True)",
        "AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=trusted)",
    ],
)
def test_each_of_these_lines_would_be_found(line: str) -> None:
    assert list(faults(Path("any.py"), line))
