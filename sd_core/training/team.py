"""Data-parallel training on the cores of one machine: a process per core, gradients averaged once a step.

One process per core, each with a single thread, keeps both cores busy where others use them too: threads of one process
wait for one another in every layer, processes once a step.
"""

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Team:
    """This process's place among `size` processes that train one model."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints and sheets."""
        return self.rank == 0

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace the gradients of `parameters` by their mean over the team; one that a process lacks counts as zero."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self.total(flat).div_(self.size)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, values: Tensor) -> Tensor:
        """The sum of `values` over the team, in their place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def gather(self) -> None:
        """Wait until every process of the team is here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def lead_team(size: int, follow: Callable[..., None], *arguments: object) -> Iterator[Team]:
    """Start `size - 1` processes that run `follow(team, *arguments)`, and lead them from this one.

    Leaving the block ends them: by waiting for them after a clean end, by terminating them after an error.
    """
    if size == 1:
        yield Team()
        return
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        context = multiprocessing.get_context("spawn")
        processes = [
            context.Process(target=_run_follower, args=(rank, size, meeting, follow, arguments), daemon=True)
            for rank in range(1, size)
        ]
        for process in processes:
            process.start()
        try:
            with join_team(0, size, meeting) as team:
                yield team
            for process in processes:
                process.join()
        finally:
            for process in processes:
                process.terminate()
            torch.set_num_threads(threads)


@contextmanager
def join_team(rank: int, size: int, meeting: str) -> Iterator[Team]:
    """Be one of the team that meets in the file `meeting`, with one thread."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=timedelta(hours=1)
    )
    try:
        yield Team(rank, size)
    finally:
        dist.destroy_process_group()


def _run_follower(
    rank: int, size: int, meeting: str, follow: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    with join_team(rank, size, meeting) as team:
        follow(team, *arguments)
