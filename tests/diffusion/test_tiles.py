"""Laws of tiling: what is cut and blended again is what it was."""

import pytest
import torch

from sd_core.diffusion.tiles import Tiling, map_tiles, windows


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("size", [(5, 9), (16, 40), (33, 70), (64, 17)])
def test_the_identity_in_tiles_is_the_identity(size: tuple[int, int], wrap: bool) -> None:
    x = torch.randn(2, 3, *size)
    tiling = Tiling(tile=16, overlap=5, wrap_x=wrap, wrap_y=wrap)
    torch.testing.assert_close(map_tiles(lambda t: t, x, tiling, cells=size, scale_in=1, scale_out=1), x)


def test_every_cell_has_weight_and_no_window_is_larger_than_a_tile() -> None:
    covered = windows(37, 90, Tiling(tile=16, overlap=4))
    total = torch.zeros(37, 90)
    for window in covered:
        assert len(window.rows) <= 16 and len(window.columns) <= 16
        total[window.rows[:, None], window.columns[None]] += window.weight
    assert (total > 0).all()


def test_scales_of_input_and_output_are_kept_apart() -> None:
    x = torch.rand(1, 1, 40 * 8, 24 * 8)
    pooled = map_tiles(
        lambda t: torch.nn.functional.avg_pool2d(t, 8), x, Tiling(16, 4), cells=(40, 24), scale_in=8, scale_out=1
    )
    torch.testing.assert_close(pooled, torch.nn.functional.avg_pool2d(x, 8))


def test_cyclic_windows_run_over_the_border() -> None:
    covered = windows(16, 64, Tiling(tile=16, overlap=4, wrap_x=True))
    assert any({0, 63} <= set(w.columns.tolist()) for w in covered)


def test_cyclic_tiling_follows_a_roll_by_a_whole_stride() -> None:
    x = torch.randn(1, 2, 16, 48)
    tiling = Tiling(tile=16, overlap=4, wrap_x=True)

    def ends(tile: torch.Tensor) -> torch.Tensor:
        return tile * torch.linspace(0, 1, tile.shape[-1])

    def run(y: torch.Tensor) -> torch.Tensor:
        return map_tiles(ends, y, tiling, cells=(16, 48), scale_in=1, scale_out=1)

    torch.testing.assert_close(run(x.roll(12, -1)), run(x).roll(12, -1))
