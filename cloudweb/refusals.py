"""What was raised, as an error of ours, and the status that a service answers it with."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf

from cloudweb import exceptions as errors
from cloudweb.dialects import CLOUD, DIALECTS
from cloudweb.exceptions import CloudwebError


def normalize(exc: BaseException) -> CloudwebError:
    """Turn anything that was raised into an error of ours; unknown ones become a plain 500."""
    if isinstance(exc, CloudwebError):
        return exc
    if isinstance(exc, Http404 | drf.NotFound):
        return errors.NotFound()
    if isinstance(exc, drf.NotAuthenticated | drf.AuthenticationFailed):
        return errors.Unauthorized()
    if isinstance(exc, drf.MethodNotAllowed):
        return errors.MethodNotAllowed()
    if isinstance(exc, drf.ParseError):
        return errors.BadRequest("Malformed request body.")
    if isinstance(exc, drf.UnsupportedMediaType):
        return errors.UnsupportedMediaType("The content type of the request is not supported.")
    if isinstance(exc, drf.PermissionDenied):
        return errors.Forbidden()
    if isinstance(exc, RequestDataTooBig):
        return errors.RequestTooLarge()
    if isinstance(exc, TooManyFieldsSent):
        return errors.BadRequest("The request has too many parameters.", detail=str(exc))
    if isinstance(exc, SuspiciousOperation):
        return errors.BadRequest(detail=str(exc))
    if isinstance(exc, OperationalError | InterfaceError):
        return errors.ServiceUnavailable("The database is unavailable for now.", detail=str(exc))
    return CloudwebError(detail=repr(exc))


def status_of(error: CloudwebError, service: str | None) -> int:
    """Return the status of an error; None for a service is the dashboard."""
    if isinstance(error, errors.QuotaExceeded):
        return DIALECTS.get(service or "", CLOUD).quota_status
    return error.status
