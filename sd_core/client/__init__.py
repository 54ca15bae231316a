"""The client of a server: the engine's methods, here or over the network, with NumPy and the standard library alone."""

from .client import Client, connect
from .job import RemoteJob
from .start import ServerProcess, start_server

__all__ = ["Client", "RemoteJob", "ServerProcess", "connect", "start_server"]
