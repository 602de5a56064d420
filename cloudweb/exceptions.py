"""Errors with a stable code, a safe sentence for the tenant and an inner detail for the log alone.

The class decides the HTTP status; the service's dialect (``cloudweb/dialects.py``) decides the shape of
the body. An app defines its own in ``exceptions.py``; the network API shows the class name as its error type.
"""

from __future__ import annotations

from typing import ClassVar

from cloudweb.dialect import policy_refusal
from cloudweb.dialects import DIALECTS


class CloudwebError(Exception):
    """Base of every error that may reach a caller.

    ``message`` is safe to show to a tenant; ``detail`` goes to the log and to operators alone.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    default_message: ClassVar[str] = "The cloud met an unexpected condition."

    def __init__(
        self, message: str | None = None, *, detail: str = "", retry_after: int | None = None
    ) -> None:
        self.message = message or self.default_message
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(self.message)

    @property
    def kind(self) -> str:
        """What the network API calls it."""
        return type(self).__name__


class BadRequest(CloudwebError):
    """The request cannot be understood or breaks a rule that does not depend on state."""

    status = 400
    code = "bad_request"
    default_message = "The request is malformed."


class InvalidInput(BadRequest):
    """One attribute of the body or query is wrong."""

    code = "invalid_input"

    def __init__(self, *, field: str, reason: str, value: object = None) -> None:
        self.field, self.reason, self.value = field, reason, value
        super().__init__(
            f"Invalid input for field/attribute {field}. Value: {_short(value)}. {reason}"
        )


class UnknownMarker(BadRequest):
    """The page after a row that is not there; some services answer an empty page (their dialect)."""

    code = "unknown_marker"

    def __init__(self, marker: str) -> None:
        self.marker = marker[:64]
        super().__init__(f"marker [{self.marker}] not found")


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


class Unauthorized(CloudwebError):
    """No token, or one that is expired, revoked or tampered with."""

    status = 401
    code = "unauthorized"
    default_message = "The request you have made requires authentication."


class Forbidden(CloudwebError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"
    default_message = "You are not authorized to perform the requested action."


class PolicyNotAuthorized(Forbidden):
    """A policy (``<service type>:<resource>:<action>``) refused, in its service's words."""

    code = "policy_not_authorized"

    def __init__(self, policy: str) -> None:
        self.policy = policy
        super().__init__(_refusal(policy))


def _refusal(policy: str) -> str:
    """Say that a policy refused as clients of its service know it (contract 11.1)."""
    service, _, name = policy.partition(":")
    dialect = DIALECTS.get(service)
    return (dialect.refusal if dialect else policy_refusal(service))(name)


class NotFound(CloudwebError):
    """No such thing, or none that this caller may see."""

    status = 404
    code = "not_found"
    default_message = "The resource could not be found."


class MethodNotAllowed(CloudwebError):
    """The route exists, but not with this method."""

    status = 405
    code = "method_not_allowed"
    default_message = "The method is not allowed for this resource."


class NotAcceptable(CloudwebError):
    """A microversion that this cloud does not speak."""

    status = 406
    code = "not_acceptable"


class Conflict(CloudwebError):
    """The state of the resource does not allow this now."""

    status = 409
    code = "conflict"
    default_message = "The resource is in a state that does not allow this."


class Gone(CloudwebError):
    """The resource went away while it was being worked on."""

    status = 410
    code = "gone"


class RequestTooLarge(CloudwebError):
    """A body over the limit."""

    status = 413
    code = "request_too_large"
    default_message = "The request body is too large."


class UnsupportedMediaType(CloudwebError):
    """The content is not of the declared or of an accepted type."""

    status = 415
    code = "unsupported_media_type"


class TooManyRequests(CloudwebError):
    """More requests than a limit allows; ask again after ``retry_after`` seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, *, retry_after: int, detail: str = "") -> None:
        super().__init__(
            f"Too many requests. Try again in {retry_after} seconds.",
            retry_after=retry_after,
            detail=detail,
        )


class UriTooLong(CloudwebError):
    """A URL over the limit."""

    status = 414
    code = "uri_too_long"
    default_message = "The URL of the request is too long."


class QuotaExceeded(CloudwebError):
    """More than the project's quota allows; each service answers it with its own status."""

    status = 403
    code = "quota_exceeded"

    @property
    def kind(self) -> str:
        """The one word for all quotas."""
        return "OverQuota"


class ServiceUnavailable(CloudwebError):
    """Something this answer needs is away for now; ask again after ``retry_after`` seconds."""

    status = 503
    code = "service_unavailable"
    default_message = "The service is unavailable for now."

    def __init__(
        self, message: str | None = None, *, detail: str = "", retry_after: int | None = 5
    ) -> None:
        super().__init__(message, detail=detail, retry_after=retry_after)


class FeatureNotSupported(CloudwebError):
    """What serves the resource cannot do this at all; asking again does not help."""

    status = 501
    code = "feature_not_supported"
    default_message = "This feature is not supported here."


class NotYet(CloudwebError):
    """What this needs is away for now. A step that raises it is tried again, uncounted, until its
    operation's deadline; meanwhile the message is shown as what is waited for."""

    code = "not_yet"
    default_message = "What this needs is away for now."
