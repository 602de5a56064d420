"""Passcodes and recovery codes, at the log-in and on the account's page."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from identity.authentication import LONGEST_PASSWORD
from identity.exceptions import WrongNewPasscode, WrongPasscode, WrongPassword


class CodeForm(forms.Form):
    """The second step of a log-in."""

    code = forms.CharField(max_length=64, label="Code")


class ProofForm(RefusableForm):
    """What is asked again before a second factor changes."""

    FIELDS = {WrongPassword: "password", WrongPasscode: "passcode"}

    password = forms.CharField(max_length=LONGEST_PASSWORD, strip=False)
    passcode = forms.CharField(max_length=64)


class NewDeviceForm(ProofForm):
    """A device to be added, by a passcode that it shows, and one of those there are already."""

    FIELDS = {
        WrongPassword: "password",
        WrongNewPasscode: "passcode",
        WrongPasscode: "current_passcode",
    }

    current_passcode = forms.CharField(max_length=64)

    def __init__(self, *given: Any, is_first: bool, **more: Any) -> None:
        super().__init__(*given, **more)
        if is_first:
            del self.fields["current_passcode"]

    label = NameField(label="Name of the device")
