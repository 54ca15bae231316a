# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender extension, under the GNU General Public License (see LICENSE beside this file); still empty."""
