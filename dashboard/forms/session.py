"""Who are you?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html

from cloudweb.exceptions import ServiceUnavailable
from identity.exceptions import PasswordExpired
from identity.second_step import Need, need_of

UNTAKEN = {
    Need.DEVICE: (
        "This account needs a second factor and has none yet. Ask the operator of the cloud."
    ),
    Need.OTHER: (
        "This account has to show more than a password and a passcode, which this page cannot "
        "take. Log in by the API, or ask the operator of the cloud."
    ),
}

EXPIRED = 'Your password has expired. <a href="{}">Choose a new one</a>, then log in with it.'


class LoginForm(AuthenticationForm):
    """Name and password; a wrong one of either is not told apart, nor a wrong domain."""

    username = forms.CharField(max_length=255, label="User name")
    domain = forms.CharField(max_length=64, label="Domain", required=False)
    error_messages = {
        "invalid_login": "This name and password do not belong together. Check both and try again.",
        "inactive": "This account is disabled; ask the operator of the cloud.",
    }

    def clean(self) -> dict[str, Any]:
        """Ask whoever keeps the domain's passwords; say so where that is away."""
        given = self.cleaned_data
        name, password = given.get("username"), given.get("password")
        if name and password:
            try:
                self.user_cache = authenticate(
                    self.request,
                    username=name,
                    password=password,
                    domain_name=given.get("domain") or None,
                    first_step=True,
                )
            except ServiceUnavailable as error:
                raise ValidationError(error.message, code="unavailable") from error
            except PasswordExpired as error:
                link = format_html(EXPIRED, reverse("expired_password"))
                raise ValidationError(link, code="expired") from error
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self._refuse_what_no_page_takes()
        return given

    def _refuse_what_no_page_takes(self) -> None:
        """Say, to who has shown the right password, what he cannot show here."""
        user: Any = self.user_cache
        if text := UNTAKEN.get(need_of(user)):
            raise ValidationError(text, code="second_factor")
