"""How callers prove who they are: one log-in method a file."""

from identity.methods.base import Proof, Proven
from identity.methods.password import PasswordProof
from identity.methods.token import TokenProof

__all__ = ["PasswordProof", "Proof", "Proven", "TokenProof"]
