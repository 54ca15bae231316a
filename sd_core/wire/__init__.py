"""What travels between an engine and those who use it: events and results as JSON, arrays as `.npy` bytes apart from it."""

from .announcement import Announcement, read_announcement, write_announcement
from .events import event_from_dict, event_to_dict
from .results import Arrays, FindArray, result_from_dict, result_to_dict

__all__ = [
    "Announcement",
    "Arrays",
    "FindArray",
    "event_from_dict",
    "event_to_dict",
    "read_announcement",
    "result_from_dict",
    "result_to_dict",
    "write_announcement",
]
