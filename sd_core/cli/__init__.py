"""The command line: `sd-core --help`."""

from .app import main

__all__ = ["main"]
