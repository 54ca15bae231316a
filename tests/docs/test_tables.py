"""What the documentation takes from the code is all there."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

import sd_core
from sd_core.error_codes import ErrorCode
from sd_core.errors import SDError
from sd_core.requests import COMMANDS
from tests.docs.pages import DOCS, PAGES, ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("page_tables")
    finally:
        sys.path.remove(str(DOCS))


def test_every_page_that_asks_for_a_table_gets_one(tables: ModuleType) -> None:
    asked = {name for page in PAGES for name in _between(page.read_text(encoding="utf-8"), "<!-- generated: ", " -->")}
    assert asked == set(tables.TABLES)


def test_every_error_and_every_code_has_its_row(tables: ModuleType) -> None:
    classes, codes = tables.error_classes(), tables.error_codes()
    assert [kind.__name__ for kind in _below(SDError) if f"`{kind.__name__}`" not in classes] == []
    assert [code for code in ErrorCode if f"| `{code}` | " not in codes] == []


def test_every_public_name_is_in_the_reference(tables: ModuleType) -> None:
    listed = [name for names in tables.public_names().values() for name in names]
    assert sorted(listed) == sorted(set(sd_core.__all__) - {"__version__"})


def test_every_route_is_in_the_reference(tables: ModuleType) -> None:
    page = tables.routes()
    missing = [
        f"{method} {path}"
        for path, item in tables.openapi()["paths"].items()
        for method in item
        if f"### {method.upper()} {path}\n" not in page
    ]
    assert missing == []


def test_every_command_is_on_the_page(tables: ModuleType) -> None:
    assert [command for command in COMMANDS if f"| `{command}` |" not in tables.commands()] == []


def test_a_cell_keeps_to_its_table(tables: ModuleType) -> None:
    assert tables.table(("a", "b"), [("x|y", "two\nlines")]).splitlines()[-1] == "| x\\|y | two lines |"


def test_the_pictures_are_small() -> None:
    folders = (DOCS / "pictures", ROOT / "examples" / "pictures")
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < 2_000_000


def _below(kind: type[SDError]) -> list[type[SDError]]:
    children = [child for child in kind.__subclasses__() if child.__module__ == "sd_core.errors"]
    return [kind, *(found for child in children for found in _below(child))]


def _between(text: str, before: str, after: str) -> list[str]:
    return [piece.partition(after)[0] for piece in text.split(before)[1:]]
