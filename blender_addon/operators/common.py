# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators have in common."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from sd_core.errors import SDError


class ReportingOperator:
    """Operators that report errors in the interface, with what to do; `carry_out` changes nothing where it fails."""

    bl_options: ClassVar = {"REGISTER"}

    def carry_out(self, context: bpy.types.Context) -> object:
        """Do it, or start the job that does.

        Raises:
            SDError: why that is not possible.
        """
        raise NotImplementedError

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        try:
            self.carry_out(context)
        except SDError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def is_ready(operator: Any, problem: str) -> bool:
    """For `poll`: whether there is no problem; otherwise the button's tooltip tells it."""
    if problem:
        operator.poll_message_set(problem)
    return not problem
