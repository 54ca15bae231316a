"""Serve with settings that the command line does not offer: `python serve.py '{"home": ..., "deadlines": {...}}'`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sd_core.server.serve import serve
from sd_core.server.settings import Deadlines, Limits, ServerSettings


def main(text: str) -> None:
    """Serve until standard input is closed."""
    told = json.loads(text)
    settings = ServerSettings(
        home=Path(told.pop("home")),
        devices=tuple(told.pop("devices")),
        allow_models=tuple(told.pop("allow_models")),
        deadlines=Deadlines(**told.pop("deadlines")),
        limits=Limits(**told.pop("limits")),
        **told,
    )
    serve(settings, lambda announcement: sys.stderr.write(f"{announcement.url}\n"))


if __name__ == "__main__":
    main(sys.argv[1])
