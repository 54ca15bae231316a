"""Render passes: what a renderer knows about a frame, how it is read, and what it is turned into."""

from .camera import SensorFit, Sidecar, blender_intrinsics, project, read_sidecar, unproject, write_sidecar
from .depth import DepthRange, as_depth, depth_control, finite_range
from .exr import PASS_NAMES, frame_of, read_exr
from .exr_file import ExrFile, ExrPass, split_channel
from .frame_passes import Camera, FramePasses, PositionSpace
from .motion import motion_from_offsets, motion_offsets
from .normals import camera_normals, normal_control
from .sequence import frame_paths

__all__ = [
    "PASS_NAMES",
    "Camera",
    "DepthRange",
    "ExrFile",
    "ExrPass",
    "FramePasses",
    "PositionSpace",
    "SensorFit",
    "Sidecar",
    "as_depth",
    "blender_intrinsics",
    "camera_normals",
    "depth_control",
    "finite_range",
    "frame_of",
    "frame_paths",
    "motion_from_offsets",
    "motion_offsets",
    "normal_control",
    "project",
    "read_exr",
    "read_sidecar",
    "split_channel",
    "unproject",
    "write_sidecar",
]
