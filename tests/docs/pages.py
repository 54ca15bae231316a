"""The pages of the documentation and the blocks of code in them.

An HTML comment on the line above a block says how it is treated:

    <!-- not run: REASON -->    it cannot run in a test
    <!-- in the background -->  it runs until the page ends, as a server does
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (*sorted(DOCS.rglob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md")

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; `line` is the number of its first line, `mark` the comment above it."""

    language: str
    text: str
    mark: str
    line: int

    @property
    def runs(self) -> bool:
        return self.language in ("python", "bash") and not self.mark.startswith("not run")

    @property
    def reason(self) -> str:
        """Why it is not run; empty where it is."""
        return self.mark.partition("not run:")[2].strip()

    @property
    def stays(self) -> bool:
        """Whether it runs in the background."""
        return self.mark == "in the background"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(content):
        line = content.count("\n", 0, found.start("text")) + 1
        yield Block(found["language"], textwrap.dedent(found["text"]), found["mark"] or "", line)


def commands(page: Path) -> Iterator[str]:
    """Every command line of `sd-core` in the blocks of a page, also in those that are not run."""
    for block in blocks(page):
        if block.language == "bash":
            lines = re.sub(r"\\\n\s*", " ", block.text).splitlines()
            yield from (line for line in lines if line.startswith("sd-core "))


def page_name(page: Path) -> str:
    """What a test calls a page."""
    return page.relative_to(ROOT).as_posix()
