"""The tables of instances."""

from instances.models.instance import Instance
from instances.models.key_pair import KeyPair

__all__ = ["Instance", "KeyPair"]
