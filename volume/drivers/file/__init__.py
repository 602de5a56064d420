"""Volumes in files of a directory, served over NBD."""

from volume.drivers.file.driver import FileDriver

__all__ = ["FileDriver"]
