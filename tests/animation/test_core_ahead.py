"""Frames are prepared while the one before is painted: one ahead, in order, and errors come in their turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event, current_thread

import pytest

from sd_core.errors import RequestError
from sd_core.tasks.animation.prepare import prefetch


def test_the_next_item_is_made_while_one_is_used() -> None:
    second = Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    with closing(prefetch(items())) as coming:
        assert next(coming) == 1
        assert second.wait(10)
        assert list(coming) == [2]


def test_no_more_than_one_item_is_made_in_advance() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    with closing(prefetch(items())) as coming:
        next(coming)
        next(coming)
    assert made == [0, 1, 2]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RequestError("passes", "frame 1: has no depth", hint="render the Z pass")

    with closing(prefetch(items())) as coming:
        assert next(coming) == 1
        with pytest.raises(RequestError, match="frame 1"):
            next(coming)


def test_all_items_are_made_in_one_thread_that_ends() -> None:
    threads = []

    def items() -> Iterator[int]:
        for number in range(3):
            threads.append(current_thread())
            yield number

    with closing(prefetch(items())) as coming:
        assert list(coming) == [0, 1, 2]
    assert len(set(threads)) == 1 and threads[0] is not current_thread()
    assert not threads[0].is_alive()
