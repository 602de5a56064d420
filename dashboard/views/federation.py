"""Log in by an identity provider, and out of it again."""

from __future__ import annotations

import hmac
import time
from dataclasses import asdict
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from cloudweb.api.auth import remote_address
from cloudweb.api.links import base_url
from cloudweb.api.throttling import admit_log_in
from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import CloudwebError, TooManyRequests, Unauthorized
from dashboard.views.errors import error_page
from identity.manager import FederationManager
from identity.manager.federation import Journey

BACKEND = "identity.backends.SqlBackend"
JOURNEY = "federation_journey"
ORIGIN = "federation_origin"
FAREWELL = "federation_farewell"
REFUSAL = "federation_refusal"
#: How long somebody may take to log in at his provider.
PATIENCE = 600


def manager_for(request: HttpRequest) -> FederationManager:
    """Return the manager for somebody who is nobody yet."""
    return FederationManager(
        RequestContext(
            request_id=getattr(request, "request_id", ""), remote_address=remote_address(request)
        )
    )


def callback_url(request: HttpRequest) -> str:
    """Return where providers send browsers back to; it is registered there."""
    return f"{base_url(request)}{reverse('federated_callback')}"


class Depart(View):
    """Send the browser to a provider, and remember why."""

    def get(self, request: HttpRequest, provider_id: str) -> HttpResponse:
        """Go; whoever is logged in already stays here."""
        wanted = _safe(request, request.GET.get("next", ""))
        if request.user.is_authenticated:
            return HttpResponseRedirect(wanted)
        try:
            admit_log_in(request)
            journey = manager_for(request).depart(provider_id, redirect_uri=callback_url(request))
        except CloudwebError as error:
            return _failed(request, error)
        known = {**asdict(journey), "next": wanted, "until": time.time() + PATIENCE}
        request.session[JOURNEY] = known
        return HttpResponseRedirect(journey.url)


class Callback(View):
    """Take the browser back from its provider."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Log in whom the code stands for; each journey ends here once, however it ends."""
        known: dict[str, Any] | None = request.session.pop(JOURNEY, None)
        try:
            journey = _journey(request, known)
            admit_log_in(request)
            arrival = manager_for(request).arrive(
                journey, code=request.GET.get("code", ""), redirect_uri=callback_url(request)
            )
        except CloudwebError as error:
            return _failed(request, error)
        assert known is not None
        login(request, arrival.user, backend=BACKEND)
        seconds = arrival.minutes * 60 if arrival.minutes else settings.TOKEN_LIFETIME
        request.session.set_expiry(seconds)
        request.session[ORIGIN] = {
            "provider_id": journey.provider_id,
            "id_token": encrypt(arrival.id_token),
        }
        return HttpResponseRedirect(known["next"])


class LoggedOut(View):
    """The page after a log-out here, while the provider still knows the browser.

    It is a page with a link: forms may lead to no other site (Content-Security-Policy).
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it once."""
        origin: dict[str, str] | None = request.session.pop(FAREWELL, None)
        if origin is None:
            return HttpResponseRedirect("/login")
        try:
            url = manager_for(request).farewell(
                origin["provider_id"],
                id_token=decrypt(origin["id_token"]),
                back_to=f"{base_url(request)}/login",
            )
        except (CloudwebError, InvalidToken):  # its key may be forgotten by now
            url = None
        request.session.flush()
        return render(request, "dashboard/logged_out.html", {"url": url})


def _journey(request: HttpRequest, known: dict[str, Any] | None) -> Journey:
    """Return the journey that ends with this request; raise Unauthorized for any other."""
    state = request.GET.get("state", "")
    if known is None or known["until"] < time.time():
        raise Unauthorized(
            "This log-in took too long or was started in another browser. Try again."
        )
    if not hmac.compare_digest(known["state"].encode(), state.encode()):
        raise Unauthorized("This log-in was not started here. Try again.", detail="another state")
    if error := request.GET.get("error"):
        raise Unauthorized("The identity provider did not let you in.", detail=error[:200])
    return Journey(**{name: known[name] for name in Journey.__slots__})


def _safe(request: HttpRequest, wanted: str) -> str:
    here = {request.get_host()}
    fine = url_has_allowed_host_and_scheme(wanted, here, require_https=request.is_secure())
    return wanted if fine else settings.LOGIN_REDIRECT_URL


def _failed(request: HttpRequest, error: CloudwebError) -> HttpResponse:
    """Show the log-in page again with the reason (a page of its own for too many attempts)."""
    if isinstance(error, TooManyRequests):
        return error_page(request, error)
    request.session[REFUSAL] = error.message
    return HttpResponseRedirect(settings.LOGIN_URL)
