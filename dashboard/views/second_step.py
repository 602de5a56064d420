"""The page between the password and the dashboard, for whom more than a password is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.contrib.auth import login
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from cloudweb.exceptions import TooManyRequests
from dashboard.forms.second_factor import CodeForm
from dashboard.views.errors import error_page
from dashboard.views.federation import BACKEND, REFUSAL
from identity.backends import SqlBackend
from identity.second_step import passed

if TYPE_CHECKING:
    from identity.models import User

PENDING = "second_step"
#: Seconds, and wrong codes, until the password is asked for again.
PATIENCE, TRIES = 300, 5
OVER = "That took too long or went wrong too often. Log in again."


def ask(request: HttpRequest, user: User, *, next_url: str) -> HttpResponse:
    """Lead somebody whose password was right to the page of the code; he is nobody yet."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user_id": user.pk,
        "stamp": user.get_session_auth_hash(),
        "next": next_url,
        "until": time.time() + PATIENCE,
        "tries": 0,
    }
    return HttpResponseRedirect(reverse("second_step"))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondStep(View):
    """Take a passcode or a recovery code, and log in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask."""
        if _user_of(request) is None:
            return _over(request)
        return render(request, "dashboard/second_step.html", {"form": CodeForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log in, or ask again; after too many wrong codes from the start."""
        user = _user_of(request)
        if user is None:
            return _over(request)
        form = CodeForm(request.POST)
        try:
            if form.is_valid() and passed(user, form.cleaned_data["code"]):
                wanted = request.session.pop(PENDING)["next"]
                login(request, user, backend=BACKEND)
                return HttpResponseRedirect(wanted)
        except TooManyRequests as error:
            return error_page(request, error)
        user_login_failed.send(
            sender=__name__, credentials={"username": user.name}, request=request
        )
        return self._wrong(request, form)

    def _wrong(self, request: HttpRequest, form: CodeForm) -> HttpResponse:
        known: dict[str, Any] = request.session[PENDING]
        known["tries"] += 1
        request.session.modified = True
        if known["tries"] >= TRIES:
            return _over(request)
        if not form.errors:
            form.add_error("code", "This code is wrong or was used already. Try the next one.")
        return render(request, "dashboard/second_step.html", {"form": form}, status=422)


def _user_of(request: HttpRequest) -> User | None:
    """Return who has shown his password here, a moment ago and still the same one."""
    known: dict[str, Any] | None = request.session.get(PENDING)
    if known is None or known["until"] < time.time():
        return None
    user = SqlBackend().get_user(known["user_id"])
    if user is None or not constant_time_compare(known["stamp"], user.get_session_auth_hash()):
        return None
    return user


def _over(request: HttpRequest) -> HttpResponse:
    """Go back to the start; say why, unless there was no start."""
    if request.session.pop(PENDING, None) is not None:
        request.session[REFUSAL] = OVER
    return HttpResponseRedirect(reverse("login"))
