"""What travels between an engine and those who use it: events and results as JSON, arrays as `.npy` bytes beside it."""

from .events import event_from_dict, event_to_dict
from .home import Announcement, home_folder, read_announcement, write_announcement
from .results import Arrays, FindArray, result_from_dict, result_to_dict

__all__ = [
    "Announcement",
    "Arrays",
    "FindArray",
    "event_from_dict",
    "event_to_dict",
    "home_folder",
    "read_announcement",
    "result_from_dict",
    "result_to_dict",
    "write_announcement",
]
