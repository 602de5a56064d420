"""How callers prove who they are: one log-in method a file."""

from identity.methods.application_credential import ApplicationCredentialProof
from identity.methods.base import Proof, Proven
from identity.methods.oauth1 import OAuth1Proof
from identity.methods.password import PasswordProof
from identity.methods.token import TokenProof
from identity.methods.totp import TotpProof

__all__ = [
    "ApplicationCredentialProof",
    "OAuth1Proof",
    "PasswordProof",
    "Proof",
    "Proven",
    "TokenProof",
    "TotpProof",
]
