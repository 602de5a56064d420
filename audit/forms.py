"""What pages let one search the audit log by."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from audit.filters import RecordFilter
from audit.models import Origin, Outcome

ANY = ("", "any")


def _day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class SearchForm(forms.Form):
    """Every field may stay empty; days are UTC, and the last one is included."""

    user = forms.CharField(max_length=255, required=False)
    action = forms.CharField(max_length=96, required=False)
    target_id = forms.CharField(max_length=255, required=False, label="Target")
    request_id = forms.CharField(max_length=64, required=False, label="Request")
    outcome = forms.ChoiceField(choices=[ANY, *Outcome.choices], required=False)
    since = forms.DateField(required=False, label="From", widget=_day())
    until = forms.DateField(required=False, label="To", widget=_day())

    def to_filter(self, **more: Any) -> RecordFilter:
        """Return the filter of a form that is valid."""
        wanted: dict[str, Any] = {name: value or None for name, value in self.cleaned_data.items()}
        if wanted["since"]:
            wanted["since"] = _midnight(wanted["since"])
        if wanted["until"]:
            wanted["until"] = _midnight(wanted["until"]) + timedelta(days=1)
        return RecordFilter(**wanted, **more)


class OperatorSearchForm(SearchForm):
    """The whole cloud's."""

    project_id = forms.CharField(max_length=64, required=False, label="Project")
    origin = forms.ChoiceField(choices=[ANY, *Origin.choices], required=False)
    tokens = forms.ChoiceField(
        choices=[("", "folded away"), ("shown", "shown")], required=False, label="Tokens"
    )

    field_order = ("user", "project_id", "action", "target_id", "request_id")

    def to_filter(self, **more: Any) -> RecordFilter:
        """Leave out tokens that were issued unless they are asked for, or the search names others."""
        shown = self.cleaned_data.pop("tokens")
        asked = any(self.cleaned_data[name] for name in ("action", "request_id"))
        return super().to_filter(tokens=None if shown or asked else False, **more)


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
