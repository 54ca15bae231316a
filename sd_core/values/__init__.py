"""What requests and passes are made of: checked frozen values, read-only arrays, pictures read at the edge."""

from .about import About, Scope
from .arrays import Array, array_digest, freeze, from_npy, load_array, npy_bytes
from .base import JSON_TYPES, InvalidValue, Value, replace
from .declare import abstract, field, keyword_only, positional
from .fields import FieldSpec, field_specs, walk_specs
from .pictures import PICTURE_FORMATS, as_control, as_mask, as_picture, read_picture, to_pillow, unit_floats
from .roles import Role

__all__ = [
    "JSON_TYPES",
    "PICTURE_FORMATS",
    "About",
    "Array",
    "FieldSpec",
    "InvalidValue",
    "Role",
    "Scope",
    "Value",
    "abstract",
    "array_digest",
    "as_control",
    "as_mask",
    "as_picture",
    "field",
    "field_specs",
    "freeze",
    "from_npy",
    "keyword_only",
    "load_array",
    "npy_bytes",
    "positional",
    "read_picture",
    "replace",
    "to_pillow",
    "unit_floats",
    "walk_specs",
]
