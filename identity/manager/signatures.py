"""Requests that users signed with EC2 keys, and services ask about."""

from __future__ import annotations

from cloudweb.exceptions import Unauthorized
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.manager.scoping import ProjectScope, Scope, TrustScope
from identity.manager.tokens import IssuedToken, TokenManager
from identity.methods.signature import SignatureProof


class SignatureManager(Manager):
    """Tokens for services that check signatures here, such as an S3 gateway."""

    @policy("identity:ec2_tokens:issue")
    def issue(self, proof: SignatureProof) -> IssuedToken:
        """Return a token of whoever signed, on the project or trust of his key.

        For services and operators alone: a signed URL may be in a stranger's hands and must not
        become a token there. Raises Unauthorized.
        """
        key = proof.key()
        scope: Scope = ProjectScope(project_id=key.row.project_id)
        if key.trust_id is not None:
            if not isinstance(key.trust_id, str):
                raise Unauthorized(detail="the EC2 key names a trust that is none")
            scope = TrustScope(key.trust_id)
        return TokenManager(self.context).issue(proofs=[proof], scope=scope)
