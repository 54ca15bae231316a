"""Running sweeps: a job for each cell of the grid, which its image fills."""

from __future__ import annotations

from collections.abc import Callable

from sd_core.requests import Request

from .forms import Forms
from .history import Entry
from .jobs import StudioJob
from .sweeps import Sweep
from .views import SweepTab


class SweepRunner:
    """Queues the jobs of a sweep and remembers for which cell each of them works.

    forms: hold the request that is varied. submit: queues a request. choose: called with the cell that was clicked.
    """

    def __init__(
        self,
        forms: Callable[[], Forms],
        submit: Callable[[Request], StudioJob],
        choose: Callable[[Entry], None],
    ) -> None:
        self.view = SweepTab(lambda: forms().current.kind, self.run, choose)
        self._forms, self._submit = forms, submit
        self._cells: dict[str, tuple[Sweep, int]] = {}

    def run(self, sweep: Sweep) -> list[StudioJob]:
        """Queue every cell and show the empty grid.

        Raises:
            RequestError: the request is not complete, or does not accept a value; nothing is queued.
        """
        requests = sweep.requests(self._forms().read())
        self.view.begin(sweep)
        jobs = [self._submit(request) for request in requests]
        self._cells |= {job.id: (sweep, index) for index, job in enumerate(jobs)}
        return jobs

    def fill_cell(self, job: StudioJob, entry: Entry | None) -> None:
        """Fill the cell of a job, if it has one, with its image; None: there is no image."""
        sweep, index = self._cells.pop(job.id, (None, 0))
        if sweep is not None and entry is not None:
            self.view.fill(sweep, index, entry)
