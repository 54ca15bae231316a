# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs of a background Blender have in common: they tell what they do, and end when nobody listens any more."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from sd_core.errors import SDError

from .exit import exit_blender
from .order import MESSAGE_PREFIX


def run_program(work: Callable[[], None], fault: str) -> NoReturn:
    """Do the work and end the process: with 0, or with 1 after a failure that was reported.

    Args:
        fault: what cannot be done, for a failure that nobody foresaw.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the open window goes first
    try:
        work()
        exit_blender(0)
    except SDError as error:
        _fail(error.to_dict())
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        traceback.print_exc()
        _fail({"error": "SDError", "message": f"{fault}: {error}", "hint": ""})


def tell(data: dict[str, Any]) -> None:
    """Tell the parent something, as a line of JSON."""
    sys.stdout.write(f"{MESSAGE_PREFIX}{json.dumps(data)}\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not through the buffer, whose lock would be held when Python ends
        pass
    os._exit(3)


def _fail(error: dict[str, Any]) -> NoReturn:
    tell({"failed": error})
    exit_blender(1)
