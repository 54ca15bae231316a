"""Serve with settings that the command line does not offer: `python serve.py '{"home": ..., "deadlines": {...}}'`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sd_core.server.serve import serve
from sd_core.server.settings import Deadlines, Limits, ServerSettings


def main(text: str) -> None:
    """Serve until standard input is closed."""
    options = json.loads(text)
    settings = ServerSettings(
        home=Path(options.pop("home")),
        devices=tuple(options.pop("devices")),
        allow_models=tuple(options.pop("allow_models")),
        deadlines=Deadlines(**options.pop("deadlines")),
        limits=Limits(**options.pop("limits")),
        **options,
    )
    serve(settings, lambda announcement: sys.stderr.write(f"{announcement.url}\n"))


if __name__ == "__main__":
    main(sys.argv[1])
