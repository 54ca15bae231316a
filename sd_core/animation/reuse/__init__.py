"""Reuse of earlier frames: where each pixel comes from, whether that is confirmed, and what must be denoised again."""
