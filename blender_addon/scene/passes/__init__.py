# SPDX-License-Identifier: GPL-3.0-or-later
"""The data passes of a scene, rendered by a Blender in the background: its order, its scene, its camera, its program."""
