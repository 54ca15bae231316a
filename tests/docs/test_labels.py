"""Labels that the documentation names are those that Blender shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sd_core.requests import COMMANDS
from sd_core.values import field_specs
from sd_core.values.fields import walk_specs
from tests.docs.pages import DOCS, ROOT

_LABEL = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
_BLENDER = {
    "Edit",
    "Preferences",
    "Get Extensions",
    "Install from Disk",
    "Add-ons",
    "System",
    "Allow Online Access",
    "SD Core",
}
"""Labels of Blender itself, and the name of the extension, which its manifest has."""


def _known() -> set[str]:
    """Texts of the extension's sources, and labels of fields."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "blender_addon").rglob("*.py"))
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    labels = {spec.label for kind in COMMANDS.values() for _, spec in walk_specs(kind)}
    assert labels >= {spec.label for spec in field_specs(COMMANDS["txt2img"]).values()}
    return {text for text in texts if isinstance(text, str)} | labels | _BLENDER


@pytest.mark.parametrize("name", ["blender.md", "mesh-textures.md", "animation.md", "install.md"])
def test_the_labels_are_those_of_the_extension(name: str) -> None:
    known = _known()
    content = re.sub(r"```.*?```", "", Path(DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    named = {part for label in _LABEL.findall(content) for part in label.split(" > ")}
    assert sorted(named - known) == []
