# SPDX-License-Identifier: GPL-3.0-or-later
"""From Blender's data to arrays and back. Depends on bpy and `sd_core` alone, so that it also runs in a background Blender."""
