"""Bytes of uploads that are under way: nobody knows yet whether they are good, so nothing makes room for them."""

from __future__ import annotations

from collections import Counter

from ..errors import OutputError

_SHARE = 2
"""All unfinished uploads together take at most one part in so many of the space for blobs, in addition to what it contains."""


class UploadBudget:
    """Counts them for each sender. No sender takes more than it leaves to the others, so that one cannot keep all out.

    Not locked: `BlobStore` does that.
    """

    def __init__(self, space: int) -> None:
        self._bound = space // _SHARE
        self._reserved_bytes: Counter[str] = Counter()

    def reserve(self, sender: str | None, size: int) -> None:
        """Count bytes that have come of an upload; the sender None may take all that is left.

        Raises:
            OutputError: it would be too much.
        """
        left = self._bound - self._reserved_bytes.total() - size
        if left < 0 or (sender is not None and self._reserved_bytes[sender] + size > left):
            raise OutputError(
                "blobs",
                f"has no room for {size} more bytes of unfinished uploads, which share {self._bound} bytes",
                hint="send fewer at a time, or try again when others have ended",
            )
        self._reserved_bytes[sender or ""] += size

    def release(self, sender: str | None, size: int) -> None:
        """These have ended, in whatever way."""
        self._reserved_bytes[sender or ""] -= size
