"""Backups: what is taken now, where one is restored to, and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from cloudweb.exceptions import CloudwebError, QuotaExceeded
from dashboard.components.schedules import RHYTHMS, rhythm
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.networks import GONE, OfferingForm
from dashboard.forms.volumes import LARGEST, SIZE_ERRORS
from volume.exceptions import InvalidBackup, InvalidVolume

if TYPE_CHECKING:
    from cloudweb.schedules import Schedule

KINDS = [
    ("incremental", "What changed since the newest backup"),
    ("full", "All of it"),
]
COUNT = {"required": "Write a number; 0 for none.", "invalid": "Write a whole number."}


class BackUpForm(OfferingForm):
    """One backup now."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
    kind = forms.ChoiceField(error_messages=GONE)
    encrypted = forms.BooleanField(required=False)

    @property
    def incremental(self) -> bool:
        """Tell whether only what changed is to be stored."""
        return bool(self.cleaned_data["kind"] == "incremental")


class RestoreForm(OfferingForm):
    """Where a backup goes: into a new volume, or over one that is there."""

    FIELDS = {QuotaExceeded: "size", InvalidVolume: "volume", InvalidBackup: "volume"}

    volume = forms.ChoiceField(required=False, error_messages=GONE)
    name = NameField(required=False)
    size = forms.IntegerField(min_value=1, max_value=LARGEST, error_messages=SIZE_ERRORS)

    def refuse(self, error: CloudwebError) -> None:
        """Say what is wrong with a new volume at its size."""
        if isinstance(error, InvalidVolume) and not self.cleaned_data.get("volume"):
            self.add_error("size", error.message)
            return
        super().refuse(error)


def _count(least: int, first: int) -> forms.IntegerField:
    return forms.IntegerField(min_value=least, max_value=1000, initial=first, error_messages=COUNT)


class ScheduleForm(RefusableForm):
    """When something is backed up by itself, and what of that is kept."""

    name = NameField()
    interval = forms.TypedChoiceField(coerce=int, initial=24, error_messages=GONE)
    full_every = _count(0, 30)
    keep_last = _count(1, 7)
    keep_daily = _count(0, 0)
    keep_weekly = _count(0, 4)
    keep_monthly = _count(0, 0)

    def __init__(
        self, data: Any = None, *, schedule: Schedule | None = None, **options: Any
    ) -> None:
        names = [*self.base_fields]
        now = None if schedule is None else {name: getattr(schedule, name) for name in names}
        super().__init__(data, initial=now, **options)
        rhythms = {**RHYTHMS} if schedule is None else {schedule.interval: "", **RHYTHMS}
        field = self.fields["interval"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(hours, rhythm(hours)) for hours in sorted(rhythms)]


class VolumeScheduleForm(ScheduleForm):
    """That of a volume, whose backups may be encrypted."""

    encrypted = forms.BooleanField(required=False)
