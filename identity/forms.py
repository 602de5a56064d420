"""Password forms for dashboard and admin site; both end in the manager."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.core.exceptions import ValidationError

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError, TooManyRequests, Unauthorized
from identity import passcodes, second_step
from identity.authentication import LONGEST_PASSWORD, find_user
from identity.manager import UserManager
from identity.models import User


class OwnPasswordForm(PasswordChangeForm):
    """A user's own new password (settings: CLOUDWEB_PASSWORD_FORM); voids his tokens."""

    passcode = forms.CharField(max_length=passcodes.LONGEST, label="Code of your second factor")

    def __init__(self, user: User, *given: Any, **more: Any) -> None:
        super().__init__(user, *given, **more)
        if not second_step.has_factor(user):
            del self.fields["passcode"]

    def clean(self) -> dict[str, Any]:
        """Change it as the last check: a refusal is an error of the form."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            own = RequestContext(user_id=self.user.pk, user_name=self.user.name)
            try:
                UserManager(own).change_password(
                    self.user.pk,
                    original_password=cleaned["old_password"],
                    password=_bounded(cleaned["new_password1"]),
                    passcode=cleaned.get("passcode", ""),
                )
            except CloudwebError as error:
                raise ValidationError(error.message) from error
        return cleaned

    def save(self, commit: bool = True) -> User:
        """Return the user as he is now, so that this session goes on."""
        self.user.refresh_from_db(fields=["password"])
        return self.user


class ExpiredPasswordForm(forms.Form):
    """A new password of someone who cannot log in with the old one any more, but knows it."""

    username = forms.CharField(max_length=255)
    domain = forms.CharField(max_length=64, required=False)
    old_password = forms.CharField(max_length=LONGEST_PASSWORD, strip=False)
    new_password1 = forms.CharField(max_length=LONGEST_PASSWORD, strip=False)
    new_password2 = forms.CharField(max_length=LONGEST_PASSWORD, strip=False)
    passcode = forms.CharField(max_length=passcodes.LONGEST, required=False)

    def clean(self) -> dict[str, Any]:
        """Change it as the last check; whether the name or the password was wrong is not said."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["new_password1"] != given["new_password2"]:
            raise ValidationError("The two new passwords are not the same.")
        user = find_user(name=given["username"], domain_name=given["domain"] or None)
        try:
            UserManager(RequestContext()).change_password(
                user.pk if user else "",
                original_password=given["old_password"],
                password=given["new_password1"],
                passcode=given["passcode"],
            )
        except TooManyRequests:
            raise
        except Unauthorized as error:
            known = error.message != Unauthorized.default_message  # who knows the password
            text = error.message if known else "This name and password do not belong together."
            raise ValidationError(text) from error
        except CloudwebError as error:
            raise ValidationError(error.message) from error
        return given


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # not generic at run time
    """The password an operator gives a user."""

    def clean(self) -> dict[str, Any]:
        """Bound its size."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        _bounded(cleaned.get("new_password1", ""))
        return cleaned


def _bounded(password: str) -> str:
    if len(password) > LONGEST_PASSWORD:
        raise ValidationError(f"A password has at most {LONGEST_PASSWORD} characters.")
    return password
