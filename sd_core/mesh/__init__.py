"""Meshes: UVs, texels, cameras that see all of them, and colours brought from views to texels."""
