"""What was copied into a hole, joined to the picture without an edge (Pérez et al. 2003, "Poisson image editing")."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from .patch_match import Floats, Mask

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def join(picture: Floats, copied: Floats, hole: Mask) -> Floats:
    """The picture, with a hole whose gradients are those of `copied` and whose border is the picture's.

    Args:
        picture: (h, w, c) in [0, 1].
        copied: (h, w, c), in the hole and on the pixels next to it.
        hole: (h, w).
    """
    inside, joined = np.argwhere(hole), picture.copy()
    if hole.all() or not len(inside):
        joined[hole] = copied[hole]
        return joined
    number = np.full(hole.shape, -1, np.int64)
    number[hole] = np.arange(len(inside))
    degree, right = np.zeros(len(inside)), np.zeros((len(inside), picture.shape[2]))
    links: list[tuple[np.ndarray, np.ndarray]] = []
    for step in _STEPS:
        place = inside + step
        which = np.flatnonzero(((place >= 0) & (place < hole.shape)).all(axis=1))
        here, there = tuple(inside[which].T), tuple(place[which].T)
        free = hole[there]
        degree[which] += 1
        right[which] += copied[here] - copied[there] + np.where(free[:, None], 0, picture[there])
        links.append((which[free], number[there][free]))
    joined[hole] = _solve(degree, links, right).clip(0, 1)
    return joined


def _solve(degree: np.ndarray, links: list[tuple[np.ndarray, np.ndarray]], right: np.ndarray) -> np.ndarray:
    count = len(degree)
    rows, columns = (np.concatenate(side) for side in zip(*links, strict=True))
    neighbours = sparse.csc_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    return linalg.factorized(sparse.csc_matrix(sparse.diags(degree) - neighbours))(right)
