"""Editors: one for each kind of field, chosen by what the field accepts."""

from .base import Editor, EditorContext, MissingValue, NameSuggestions
from .choose import make_editor
from .pictures import FeatherEditor, MaskEditor, PictureEditor
from .seeds import SeedEditor

__all__ = [
    "Editor",
    "EditorContext",
    "FeatherEditor",
    "MaskEditor",
    "MissingValue",
    "NameSuggestions",
    "PictureEditor",
    "SeedEditor",
    "make_editor",
]
