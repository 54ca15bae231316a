"""Editors: one for each kind of field, chosen by what the field accepts."""

from .base import Editor, Missing, Names, Surroundings
from .choose import make_editor
from .pictures import FeatherEditor, MaskEditor, PictureEditor
from .seeds import SeedEditor

__all__ = [
    "Editor",
    "FeatherEditor",
    "MaskEditor",
    "Missing",
    "Names",
    "PictureEditor",
    "SeedEditor",
    "Surroundings",
    "make_editor",
]
