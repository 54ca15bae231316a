"""A material on disk: file names that other tools know, packed maps, MaterialX, glTF and a preview. Free of torch."""

from .mesh_files import save_mesh
from .names import Naming
from .save import save_material

__all__ = ["Naming", "save_material", "save_mesh"]
