"""The history as one HTML page: pictures, captions and Python inside, nothing fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from pathlib import Path

from sd_core import __version__
from sd_core.display import encode
from sd_core.files import write_files

from .history import Entry

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 1.5rem; }
figure { margin: 0; }
img { width: 100%; height: auto; border-radius: 4px; }
figcaption { margin: 0.4rem 0; }
pre { overflow-x: auto; font-size: 12px; padding: 0.6rem; border-radius: 4px; background: #8882; }
summary { cursor: pointer; }
"""


def history_page(entries: Iterable[Entry], title: str = "Images") -> str:
    """The HTML of a page that shows entries, the newest first."""
    figures = "\n".join(_figure(entry) for entry in list(entries)[::-1])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1><main>\n{figures}\n</main>"
        f"<footer><p>sd_core {__version__}</p></footer></body></html>\n"
    )


def save_html(entries: Iterable[Entry], path: Path) -> Path:
    """Write the page.

    Raises:
        OutputError: it cannot be written; whatever was there before is unchanged.
    """
    write_files([(path, history_page(entries, path.stem).encode())])
    return path


def _figure(entry: Entry) -> str:
    mime, data = encode(entry.picture)
    source = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    height, width = entry.picture.shape[:2]
    return (
        f'<figure><img src="{source}" width="{width}" height="{height}" alt="{html.escape(entry.title)}">'
        f"<figcaption>{html.escape(entry.title)}, {html.escape(entry.caption)}</figcaption>"
        f"<details><summary>Python</summary><pre>{html.escape(entry.request.to_python())}</pre></details></figure>"
    )
