"""Gives mkdocstrings the docstrings that classes have at run time.

The fields of a request are described once, where they are declared, and are added to the docstring of its class when the
class is made. mkdocstrings reads source code, which has no trace of that.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import griffe

from sd_core.values import Value


class FieldDocstrings(griffe.Extension):
    """Replace the docstring of every request and part by that of the class itself."""

    def on_class_instance(self, *, cls: griffe.Class, **_: Any) -> None:
        """Called for each class that is read; others than requests and their parts stay as they are."""
        if not cls.path.startswith("sd_core.") or cls.docstring is None:
            return
        module, _, name = cls.path.rpartition(".")
        live = getattr(importlib.import_module(module), name, None) if "<" not in module else None
        if isinstance(live, type) and issubclass(live, Value) and live.__doc__:
            cls.docstring.value = inspect.cleandoc(live.__doc__)
