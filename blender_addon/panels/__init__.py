# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of the side bars: they draw, and never change anything."""
