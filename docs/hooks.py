"""What MkDocs asks for while it builds: pages that stand at the top level, and tables made from the code itself.

`<!-- generated: NAME -->` in a page is replaced by the table of that name, see `TABLES`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

sys.path[:0] = [str(ROOT), str(DOCS)]  # MkDocs loads this file by its path

from page_tables import TABLES  # noqa: E402

TOP_LEVEL = {"SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files at the top level of the repository, where its readers look for them, and the pages that they become."""

PICTURES = ("animation.gif", "demo.webp", "studio-dark.webp", "studio-light.webp", "textures.webp")
"""Pictures of `examples/pictures`, which the README shows too."""

_MARK = re.compile(r"<!-- generated: ([\w-]+) -->")
_LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand at the top level."""
    for source in PICTURES:
        files.append(File(f"pictures/{source}", str(ROOT / "examples"), config.site_dir, config.use_directory_urls))
    for source, page in TOP_LEVEL.items():
        content = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_LINK.sub(_from_top_level, content)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables in, and let links to files at the top level lead to their pages."""
    return _LINK.sub(_from_docs, _MARK.sub(_table, markdown))


def _table(mark: re.Match[str]) -> str:
    make = TABLES.get(mark[1])
    if make is None:
        raise PluginError(f"there is no table {mark[1]!r}; there are {', '.join(TABLES)}")
    return make()


def _from_top_level(link: re.Match[str]) -> str:
    return f"]({TOP_LEVEL.get(link[1], link[1].removeprefix('docs/'))})"


def _from_docs(link: re.Match[str]) -> str:
    return f"]({TOP_LEVEL.get(link[1].removeprefix('../'), link[1])})"
