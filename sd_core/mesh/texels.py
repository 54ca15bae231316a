"""Which texel belongs to which face: triangles drawn in UV space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .surface import Floats, Ints, Surface, face_normals

_AT_ONCE = 4_000_000
"""Texels tested together; bounds the memory."""

_INSIDE = 1e-3
"""Least barycentric weight of a texel that lies well inside a face."""


@dataclass(frozen=True, slots=True)
class TexturePage:
    """One texture: the UDIM `tile` (u, v) of a material, or of one object of it where objects would overlap."""

    material: int
    tile: tuple[int, int]
    object: int | None = None

    @property
    def name(self) -> str:
        """Such as "0.1001": material, then UDIM number; an object's number between them where it matters."""
        udim = 1001 + self.tile[0] + 10 * self.tile[1]
        return f"{self.material}.{udim}" if self.object is None else f"{self.material}.{self.object}.{udim}"


@dataclass(frozen=True, slots=True)
class Texels:
    """Every texel whose centre a face covers.

    pages: the textures; size: their side in px. page, row, column, face: (n,). weights: (n, 3) barycentric.
    """

    pages: tuple[TexturePage, ...]
    size: int
    page: Ints
    row: Ints
    column: Ints
    face: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.face)

    def positions(self, surface: Surface) -> Floats:
        """(n, 3) points on the surface."""
        return np.einsum("nk,nkd->nd", self.weights, surface.vertices[surface.faces[self.face]])

    def normals(self, surface: Surface) -> Floats:
        """(n, 3) unit normals of the faces."""
        return face_normals(surface.corners)[self.face]

    def only(self, mask: np.ndarray) -> Texels:
        """Those of the texels that are `mask` (n,)."""
        page, row, column = self.page[mask], self.row[mask], self.column[mask]
        return Texels(self.pages, self.size, page, row, column, self.face[mask], self.weights[mask])

    def image(self, values: Floats) -> Floats:
        """(p, size, size, ...) textures of values (n, ...); 0 where there is no texel."""
        pages = np.zeros((len(self.pages), self.size, self.size, *values.shape[1:]), values.dtype)
        pages[self.page, self.row, self.column] = values
        return pages


def find_texels(surface: Surface, size: int) -> Texels:
    """Draw all faces in UV space.

    Args:
        size: side of each texture in px; row 0 is at v = 1.

    Where faces of one object overlap in UV space, the first of them has the texel: whoever lays UVs so wants one
    picture for both. Objects that overlap get textures of their own.
    """
    pages, page_of_face = _pages(surface, split=np.zeros(len(surface.faces), bool))
    faces = _rasterise(surface, size, page_of_face)
    owner = surface.object_id
    foreign = faces.again[owner[faces.face[faces.again]] != owner[faces.face[faces.again - 1]]]
    if len(foreign):
        split = np.isin(surface.material_id, np.unique(surface.material_id[faces.face[foreign]]))
        pages, page_of_face = _pages(surface, split)
        faces = _rasterise(surface, size, page_of_face)
    keep = np.ones(len(faces.index), bool)
    keep[faces.again] = False
    page, rest = np.divmod(faces.index[keep], size * size)
    row, column = np.divmod(rest, size)
    return Texels(pages, size, page, row, column, faces.face[keep], faces.weights[keep])


def overlapping_faces(surface: Surface, size: int) -> Ints:
    """The faces that lie on others in UV space; neighbours that merely share an edge do not count."""
    faces = _rasterise(surface, size, _pages(surface, split=np.zeros(len(surface.faces), bool))[1])
    inner = faces.again[faces.weights[faces.again].min(axis=1) > _INSIDE]
    return np.unique(faces.face[inner])


@dataclass(frozen=True, slots=True)
class _RasterisedFaces:
    """All texels that faces claim, in order of their linear index; `again` are the rows whose texel came before."""

    index: Ints
    face: Ints
    weights: Floats
    again: Ints


@dataclass(frozen=True, slots=True)
class _Outlines:
    """Corners x, y (t, 3) in texels, and the first row and column that each face may cover."""

    x: Floats
    y: Floats
    first_x: Floats
    first_y: Floats
    page: Ints

    def of(self, faces: Ints) -> _Outlines:
        return _Outlines(self.x[faces], self.y[faces], self.first_x[faces], self.first_y[faces], self.page[faces])


def _pages(surface: Surface, split: np.ndarray) -> tuple[tuple[TexturePage, ...], Ints]:
    """Pages, and the one of each face. A face belongs to the tile in which its middle lies."""
    tile = np.floor(surface.uvs.mean(axis=1)).astype(np.int64)
    owner = np.where(split, surface.object_id, -1)
    keys = np.stack([surface.material_id, owner, tile[:, 1], tile[:, 0]], axis=1)
    unique, page_of_face = np.unique(keys, axis=0, return_inverse=True)
    pages = tuple(TexturePage(int(m), (int(u), int(v)), None if o < 0 else int(o)) for m, o, v, u in unique)
    return pages, page_of_face.reshape(-1)


def _rasterise(surface: Surface, size: int, page_of_face: Ints) -> _RasterisedFaces:
    local = (surface.uvs - np.floor(surface.uvs.mean(axis=1))[:, None]).astype(np.float64)
    x, y = local[..., 0] * size - 0.5, (1 - local[..., 1]) * size - 0.5
    first_x, last_x = np.ceil(x.min(1)).clip(0, size), np.floor(x.max(1)).clip(-1, size - 1)
    first_y, last_y = np.ceil(y.min(1)).clip(0, size), np.floor(y.max(1)).clip(-1, size - 1)
    extent = np.maximum(last_x - first_x, last_y - first_y).astype(np.int64) + 1
    extent[(last_x < first_x) | (last_y < first_y)] = 0
    outlines = _Outlines(x, y, first_x, first_y, page_of_face)
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3), np.float32))]
    step = 1
    while step < 2 * size:
        # Faces of about one extent are tested together, each in a square of that many texels.
        chosen = np.flatnonzero((extent > step // 2) & (extent <= step))
        parts = np.array_split(chosen, max(-(-len(chosen) * step * step // _AT_ONCE), 1))
        found += [_texels_inside(part, outlines.of(part), step, size) for part in parts if len(part)]
        step *= 2
    index, face, weights = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((face, index))
    index = index[order]
    return _RasterisedFaces(index, face[order], weights[order], np.flatnonzero(index[1:] == index[:-1]) + 1)


def _texels_inside(faces: Ints, outlines: _Outlines, step: int, size: int) -> tuple[Ints, Ints, Floats]:
    """Linear index, face and weights of the texels inside `faces`."""
    grid = np.arange(step)
    column = (outlines.first_x[:, None, None] + grid[None, None, :]).repeat(step, 1)
    row = (outlines.first_y[:, None, None] + grid[None, :, None]).repeat(step, 2)
    x, y = outlines.x[:, :, None, None], outlines.y[:, :, None, None]
    right, down = column - x[:, 0], row - y[:, 0]
    bx, by, cx, cy = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # faces without area cover nothing
        second = (right * cy - down * cx) / (bx * cy - by * cx)
        third = (down * bx - right * by) / (bx * cy - by * cx)
    first = 1 - second - third
    inside = (first >= -1e-9) & (second >= -1e-9) & (third >= -1e-9) & (column < size) & (row < size)
    which = np.nonzero(inside)
    line = outlines.page[which[0]] * size + row[which].astype(np.int64)
    weights = np.stack([first[which], second[which], third[which]], axis=-1).astype(np.float32)
    return line * size + column[which].astype(np.int64), faces[which[0]], weights
