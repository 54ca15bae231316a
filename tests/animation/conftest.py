"""The program as a user runs it, for the command `animate`."""

from tests.cli.conftest import sd_core

__all__ = ["sd_core"]
