"""The notebook around us: its shell, the user's variables, and the finished picture as a normal output.

Such an output outlives the kernel and its widgets.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sd_core.display import mimebundle
from sd_core.results import Result

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class StoredOutput:
    """An output of the cell that shows the studio, replaced by each new result.

    A widget's own output cannot do this: a reopened notebook shows "Loading widget" in its place.
    """

    def __init__(self) -> None:
        self._id = f"sd-{uuid.uuid4().hex}"
        self._placed = False

    def create(self) -> None:
        """Make room for it, below the widget that has just been displayed."""
        from IPython.display import display

        display({"text/plain": ""}, raw=True, display_id=self._id)
        self._placed = True

    def show(self, result: Result) -> None:
        """Replace what is stored; nothing happens where the studio was never displayed."""
        if self._placed:
            from IPython.display import update_display

            data, metadata = mimebundle(result)
            update_display(data, raw=True, metadata=metadata, display_id=self._id)


def shell() -> InteractiveShell | None:
    """The notebook's shell; None in a script."""
    from IPython.core.getipython import get_ipython

    return get_ipython()


def user_variables() -> Mapping[str, Any]:
    """The notebook's variables by name; none in a script."""
    found = shell()
    return {} if found is None else found.user_ns
