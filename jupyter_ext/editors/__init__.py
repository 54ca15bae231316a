"""Editors: one for each kind of field, chosen by what the field accepts."""

from .base import Editor, Missing, Surroundings
from .choose import make_editor
from .pictures import FeatherEditor, MaskEditor, PictureEditor
from .plain import NameEditor
from .seeds import SeedEditor

__all__ = [
    "Editor",
    "FeatherEditor",
    "MaskEditor",
    "Missing",
    "NameEditor",
    "PictureEditor",
    "SeedEditor",
    "Surroundings",
    "make_editor",
]
