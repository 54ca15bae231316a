"""Property tests here are the same on every run, and a busy machine does not fail them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("core", deadline=None, database=None, derandomize=True, max_examples=60)
settings.load_profile("core")
