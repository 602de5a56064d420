"""An image's facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from image.changes import MAX_NUMBER, Change
from image.conversion import target_format
from image.formats import BOOTABLE

FORMATS = {
    "qcow2": "qcow2 (QEMU)",
    "raw": "raw",
    "iso": "ISO",
    "vmdk": "VMDK (VMware)",
    "vdi": "VDI (VirtualBox)",
    "vhd": "VHD (Hyper-V)",
    "vhdx": "VHDX (Hyper-V)",
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

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["disk_format"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, f"{text}{self.fate(name)}") for name, text in FORMATS.items()]

    def fate(self, disk_format: str) -> str:
        """Return what becomes of a disk that hosts do not open as it is."""
        return "" if disk_format in BOOTABLE else ", kept but not booted"

    def attributes(self) -> dict[str, Any]:
        """Add the container, which is none for what browsers upload."""
        return {**super().attributes(), "container_format": "bare"}


class ImportImageForm(NewImageForm):
    """The facts of an image whose data the cloud downloads."""

    uri = forms.CharField(max_length=2048)

    def fate(self, disk_format: str) -> str:
        """Imports convert."""
        target = target_format(disk_format, "bare")
        return f", converted to {target}" if target else super().fate(disk_format)

    def attributes(self) -> dict[str, Any]:
        """Leave out where it comes from."""
        return {name: value for name, value in super().attributes().items() if name != "uri"}
