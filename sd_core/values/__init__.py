"""What requests and passes are made of: checked frozen values, read-only arrays, pictures read at the edge."""

from .about import About, Scope
from .arrays import Array, array_digest, freeze, from_npy, load_array, npy_bytes
from .base import KINDS, Value, Wrong, replace
from .declare import abstract_value, option, part, value
from .fields import FieldSpec, field_specs, walk_specs
from .pictures import PICTURE_FORMATS, as_control, as_mask, as_picture, read_picture, to_pillow, unit_floats
from .roles import Role

__all__ = [
    "KINDS",
    "PICTURE_FORMATS",
    "About",
    "Array",
    "FieldSpec",
    "Role",
    "Scope",
    "Value",
    "Wrong",
    "abstract_value",
    "array_digest",
    "as_control",
    "as_mask",
    "as_picture",
    "field_specs",
    "freeze",
    "from_npy",
    "load_array",
    "npy_bytes",
    "option",
    "part",
    "read_picture",
    "replace",
    "to_pillow",
    "unit_floats",
    "value",
    "walk_specs",
]
