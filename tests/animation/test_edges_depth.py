"""Depth of plain pictures, and passes under other renderers' names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTImageProcessorPil,
    GLPNConfig,
)

from sd_core.animation.media.frame_source import open_frames
from sd_core.animation.media.monocular_depth import DepthEstimator, is_metric, planar_depth
from sd_core.errors import ModelNotFound, RequestError
from sd_core.passes import PASS_NAMES
from sd_core.requests import Animation, PassKind, PassName
from tests.animation.clips import moving, write_pictures


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Depth Anything."""
    folder = tmp_path_factory.mktemp("depth")
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14,
        out_features=["stage1", "stage2"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8], reassemble_factors=[2, 1],
        fusion_hidden_size=8, head_in_index=-1, head_hidden_size=4, patch_size=14,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)  # some random weights give no depth at all: their last ReLU is 0 everywhere
        DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    size = {"height": 56, "width": 56}
    DPTImageProcessorPil(size=size, ensure_multiple_of=14, keep_aspect_ratio=True).save_pretrained(folder)
    return folder


def test_frames_of_a_video_get_depth_from_a_named_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    pattern = write_pictures(tmp_path / "in", moving(2, 40, 64))
    frames = open_frames(Animation(prompt="a", passes=pattern, strength=0.5, depth_estimator=checkpoint))
    depth, alone = frames.open(1).depth, DepthEstimator(str(checkpoint))(moving(2, 40, 64)[1])
    assert depth is not None and depth.shape == (40, 64)
    assert np.array_equal(depth, alone)


def test_no_checkpoint_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="nowhere"):
        DepthEstimator(str(tmp_path / "nowhere"))(moving(1)[0])


def test_inverse_depth_is_turned_and_its_zero_is_background() -> None:
    prediction = np.array([[4.0, 2.0, 0.0]], np.float32)
    assert np.array_equal(planar_depth(prediction, metric=False), np.array([[0.25, 0.5, np.inf]], np.float32))
    assert np.array_equal(planar_depth(prediction, metric=True)[0, :2], prediction[0, :2])


def test_networks_that_tell_metres_are_known() -> None:
    relative, metric = DepthAnythingConfig(), DepthAnythingConfig(depth_estimation_type="metric", max_depth=20)
    assert (is_metric(relative), is_metric(metric), is_metric(GLPNConfig())) == (False, True, True)


def test_every_kind_of_pass_can_be_named() -> None:
    assert set(PassKind) == set(PASS_NAMES)


def test_another_renderers_names_are_read(tmp_path: Path) -> None:
    depth = np.linspace(1, 5, 64, dtype=np.float32).reshape(8, 8)
    channels = {"zdepth.Z": depth, **{f"velocity.{c}": depth for c in "RGBA"}}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(tmp_path / "0001.exr"))
    pattern, names = str(tmp_path / "####.exr"), [PassName("depth", "zdepth"), PassName("motion", "Velocity")]
    for passes in (pattern, [tmp_path / "0001.exr"]):
        frame = open_frames(Animation(prompt="a", passes=passes, pass_names=names)).open(0)
        assert frame.depth is not None and np.array_equal(frame.depth, depth)
        assert frame.motion is not None and frame.motion.shape == (8, 8, 4)
    with pytest.raises(RequestError, match=r"frame 0.*there is no pass 'far'.*zdepth"):
        open_frames(Animation(prompt="a", passes=pattern, pass_names=[PassName("depth", "far")])).open(0)


def test_a_kind_of_pass_is_named_once() -> None:
    with pytest.raises(RequestError, match="pass_names"):
        Animation(prompt="a", passes="####.exr", pass_names=[PassName("depth", "a"), PassName("depth", "b")])
