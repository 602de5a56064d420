"""What goes wrong between us and an identity provider."""

from __future__ import annotations

from cloudweb.exceptions import ServiceUnavailable, Unauthorized


class ProviderUnavailable(ServiceUnavailable):
    """The identity provider does not answer, or not as OpenID Connect asks."""

    code = "identity_provider_unavailable"

    def __init__(self, provider: str, *, detail: str = "", retry_after: int = 10) -> None:
        super().__init__(
            f"The identity provider '{provider}' does not answer as it should. "
            "Other ways to log in are not affected.",
            detail=detail,
            retry_after=retry_after,
        )


class ClaimsRefused(Unauthorized):
    """What came as the provider's word is not: wrong signature, issuer, audience, time or nonce."""

    code = "claims_refused"
    default_message = "The identity provider's token was refused."
