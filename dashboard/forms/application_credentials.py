"""Application credentials: what a program may, and until when."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from cloudweb.database.clock import now
from cloudweb.names import no_control_characters
from dashboard.forms.fields import NameField, RefusableForm
from identity.exceptions import DuplicateName, NoSuchReference
from identity.manager.application_credentials import Wanted, WantedRule

SERVICES = ("compute", "network", "image", "identity", "audit")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
MOST_RULES = 64
#: Roles that a program seldom needs; they are not ticked to begin with.
STRONG = ("admin", "manager")
LONGEST_PATH = 255


class NewCredentialForm(RefusableForm):
    """A new application credential on the current project.

    ``rules`` are rows of fields of their own names; a row without a path counts as none.
    """

    FIELDS = {DuplicateName: "name", NoSuchReference: "roles"}

    name = NameField()
    description = forms.CharField(max_length=1024, required=False)
    roles = forms.MultipleChoiceField(error_messages={"required": "Choose at least one role."})
    expires_on = forms.DateField(required=False, label="Last day")
    unrestricted = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None = None, *, held: Sequence[str]) -> None:
        modest = [name for name in held if name not in STRONG]
        super().__init__(data, initial={"roles": modest or list(held)})
        choice: Any = self.fields["roles"]
        choice.choices = [(name, name) for name in held]
        self.rules = _rows(data) if data is not None else []

    def clean_expires_on(self) -> datetime.datetime | None:
        """Return the end of the last day."""
        day: datetime.date | None = self.cleaned_data["expires_on"]
        if day is None:
            return None
        if day < now().date() or day.year > 9000:
            raise ValidationError("Choose a day that is not over.")
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        return midnight + datetime.timedelta(days=1)

    def clean(self) -> dict[str, Any]:
        """Check the rows of rules."""
        if len(self.rules) > MOST_RULES:
            raise ValidationError(f"At most {MOST_RULES} access rules.")
        for rule in self.rules:
            _check(rule)
        return self.cleaned_data

    def wanted(self) -> dict[str, Any]:
        """Return it as the manager takes it."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "description": given["description"],
            "roles": [Wanted(name=name) for name in given["roles"]],
            "expires_at": given["expires_on"],
            "unrestricted": given["unrestricted"],
            "access_rules": list(dict.fromkeys(self.rules)),
        }


def _rows(data: QueryDict) -> list[WantedRule]:
    columns = [data.getlist(f"rule_{name}") for name in ("service", "method", "path")]
    return [
        WantedRule(service=service, method=method, path=path.strip())
        for service, method, path in zip(*columns, strict=False)
        if path.strip()
    ]


def _check(rule: WantedRule) -> None:
    if rule.service not in SERVICES or rule.method not in METHODS:
        raise ValidationError("An access rule names a service and a method of the lists.")
    if not rule.path.startswith("/") or len(rule.path) > LONGEST_PATH:
        raise ValidationError(
            f"The path of an access rule begins with / and has at most {LONGEST_PATH} characters."
        )
    try:
        no_control_characters(rule.path)
    except ValueError as error:
        raise ValidationError("Control characters are not allowed in a path.") from error
