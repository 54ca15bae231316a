# SPDX-License-Identifier: GPL-3.0-or-later
"""Surfaces that are painted once for a whole shot: what it shows, how that is painted, and a render with it."""
