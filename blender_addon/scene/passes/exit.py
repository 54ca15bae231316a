# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a Blender without a window."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NoReturn

import bpy


def exit_blender(exit_status: int) -> NoReturn:
    """End this process at once with an exit code.

    Blender's own shutdown would wait for threads; the module bpy 4.5 never comes to its end after a render while another
    thread reads, and several releases crash in it.
    """
    shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_status)
