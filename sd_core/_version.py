"""The version of the library, the extension and the protocol; packaging reads it from this file."""

__version__ = "0.1.0"
