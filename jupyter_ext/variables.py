"""The user's variables, and the shell that has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def shell() -> InteractiveShell | None:
    """The notebook's shell; None in a script."""
    from IPython.core.getipython import get_ipython

    return get_ipython()


def user_variables() -> Mapping[str, Any]:
    """The notebook's variables by name; none in a script."""
    found = shell()
    return {} if found is None else found.user_ns
