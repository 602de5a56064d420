"""An image's facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from image.changes import MAX_NUMBER, Change

FORMATS = {
    "qcow2": "qcow2 (QEMU)",
    "raw": "raw",
    "iso": "ISO, kept but not booted",
    "vmdk": "VMDK (VMware), kept but not booted",
    "vdi": "VDI (VirtualBox), kept but not booted",
    "vhd": "VHD (Hyper-V), kept but not booted",
    "vhdx": "VHDX (Hyper-V), kept but not booted",
}
VISIBILITIES = [
    ("private", "This project only"),
    ("shared", "Projects you share it with"),
    ("community", "Whoever knows its ID"),
    ("public", "Everyone"),
]


class ImageForm(RefusableForm):
    """What may change at any time."""

    name = NameField()
    visibility = forms.ChoiceField(choices=VISIBILITIES)
    min_ram = forms.IntegerField(min_value=0, max_value=MAX_NUMBER, required=False)
    min_disk = forms.IntegerField(min_value=0, max_value=MAX_NUMBER, required=False)
    protected = forms.BooleanField(required=False)

    def __init__(self, *args: Any, may_publish: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not may_publish:
            field = self.fields["visibility"]
            assert isinstance(field, forms.ChoiceField)
            kept = self.initial.get("visibility")
            field.choices = [one for one in VISIBILITIES if one[0] != "public" or kept == "public"]

    def attributes(self) -> dict[str, Any]:
        """Return the attributes under the API's names."""
        wanted = dict(self.cleaned_data)
        return {**wanted, "min_ram": wanted["min_ram"] or 0, "min_disk": wanted["min_disk"] or 0}

    def changes(self) -> Sequence[Change]:
        """Return them as a patch."""
        return [Change("replace", name, value) for name, value in self.attributes().items()]


class NewImageForm(ImageForm):
    """The facts of an image whose data is about to come."""

    disk_format = forms.ChoiceField(choices=list(FORMATS.items()))

    def attributes(self) -> dict[str, Any]:
        """Add the container, which is none for what browsers upload."""
        return {**super().attributes(), "container_format": "bare"}


class ImportImageForm(NewImageForm):
    """The facts of an image whose data the cloud downloads."""

    uri = forms.CharField(max_length=2048)

    def attributes(self) -> dict[str, Any]:
        """Leave out where it comes from."""
        return {name: value for name, value in super().attributes().items() if name != "uri"}
