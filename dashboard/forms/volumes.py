"""Volumes: what is made, and how large it becomes."""

from __future__ import annotations

from typing import Any

from django import forms

from cloudweb.exceptions import QuotaExceeded
from dashboard.components.volumes import Space
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.networks import GONE, OfferingForm
from volume.exceptions import (
    InvalidTransferKey,
    InvalidVolumeInput,
    TransferNotFound,
    VolumeTooLarge,
)

#: GiB; no back end has more.
LARGEST = 2**31 - 1
SIZE_ERRORS = {"required": "Say how many GiB.", "invalid": "Write a whole number of GiB."}


class NewVolumeForm(OfferingForm):
    """A volume: empty, or one that begins with an image."""

    FIELDS = {QuotaExceeded: "size", VolumeTooLarge: "size"}

    name = NameField()
    size = forms.IntegerField(
        min_value=1, max_value=LARGEST, initial=10, error_messages=SIZE_ERRORS
    )
    volume_type = forms.ChoiceField(error_messages=GONE)
    image = forms.ChoiceField(required=False, error_messages=GONE)


class GrowForm(RefusableForm):
    """How large a volume is to be."""

    FIELDS = {QuotaExceeded: "size", VolumeTooLarge: "size"}

    size = forms.IntegerField(min_value=1, max_value=LARGEST, error_messages=SIZE_ERRORS)

    def __init__(self, data: Any = None, *, space: Space, **options: Any) -> None:
        super().__init__(data, initial={"size": space.own + 1}, **options)
        self.space = space

    def clean_size(self) -> int:
        """Return the size; volumes never shrink."""
        size = int(self.cleaned_data["size"])
        if size <= self.space.own:
            raise forms.ValidationError(
                f"It has {self.space.own} GiB. It can only grow: write more than that."
            )
        return size


class RenameVolumeForm(RefusableForm):
    """What a volume is called, and what it is for."""

    name = NameField(required=False)
    description = forms.CharField(max_length=255, required=False)


class SnapshotForm(RefusableForm):
    """What a point in time is called."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()


class AttachVolumeForm(OfferingForm):
    """The server that gets the volume."""

    server = forms.ChoiceField(error_messages={"required": "Choose a server.", **GONE})


class TakeVolumeForm(RefusableForm):
    """What another project told: a transfer and its key."""

    FIELDS = {InvalidTransferKey: "key", TransferNotFound: "transfer"}

    transfer = forms.UUIDField(error_messages={"invalid": "Write the ID of the transfer."})
    key = forms.CharField(max_length=255)


class UploadVolumeForm(OfferingForm):
    """What an image of the volume is called, and how it is written."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
    disk_format = forms.ChoiceField(error_messages=GONE)


class ReimageVolumeForm(OfferingForm):
    """The image that is written over the volume."""

    FIELDS = {InvalidVolumeInput: "image"}

    image = forms.ChoiceField(error_messages={"required": "Choose an image.", **GONE})


class RetypeVolumeForm(OfferingForm):
    """The type that a volume is to be of, and whether it may move for that."""

    FIELDS = {QuotaExceeded: "volume_type", InvalidVolumeInput: "volume_type"}

    volume_type = forms.ChoiceField(error_messages={"required": "Choose a type.", **GONE})
    move = forms.BooleanField(required=False)
