# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators: each reads the scene, submits a request and returns at once."""
