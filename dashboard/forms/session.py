"""Who are you?"""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Name and password; a wrong one of either is not told apart."""

    username = forms.CharField(max_length=255, label="User name")
    error_messages = {
        "invalid_login": "This name and password do not belong together. Check both and try again.",
        "inactive": "This account is disabled; ask the operator of the cloud.",
    }
