# SPDX-License-Identifier: GPL-3.0-or-later
"""Stylising frames of a render: the request of a frame, keyframes of the prompt, and the output folder."""
