"""A new server."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from image.exceptions import ImageConflict, ImageDeactivated, ImageNotBootable
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.conf import MAX_AT_ONCE, USER_DATA_LIMIT
from instances.exceptions import FlavorDoesNotFit
from network.traffic import KINDS

#: Field -> the values the page offers.
Offered = Mapping[str, Iterable[str]]
GONE = {"invalid_choice": "What you chose is not there any more; choose again."}
#: Bytes of a script that fit once they are base64.
LONGEST_SCRIPT = USER_DATA_LIMIT // 4 * 3


class LaunchForm(RefusableForm):
    """What is chosen on the launch page; the page itself offers only what there is."""

    FIELDS = {
        FlavorDoesNotFit: "flavor",
        ImageConflict: "image",
        ImageDeactivated: "image",
        ImageNotBootable: "image",
    }

    name = NameField()
    image = forms.ChoiceField(error_messages={"required": "Choose an image.", **GONE})
    flavor = forms.ChoiceField(error_messages={"required": "Choose a size.", **GONE})
    networks = forms.MultipleChoiceField(
        error_messages={"required": "Choose at least one network.", **GONE}
    )
    key = forms.ChoiceField(required=False, error_messages=GONE)
    let_in = forms.MultipleChoiceField(
        choices=[(kind.name, kind.text) for kind in KINDS.values()],
        required=False,
        error_messages=GONE,
    )
    groups = forms.MultipleChoiceField(required=False, error_messages=GONE)
    user_data = forms.CharField(max_length=LONGEST_SCRIPT, required=False, strip=False)
    zone = forms.ChoiceField(required=False, error_messages=GONE)
    server_group = forms.ChoiceField(required=False, error_messages=GONE)
    count = forms.IntegerField(min_value=1, max_value=MAX_AT_ONCE, initial=1)

    def __init__(self, data: Any = None, *, offered: Offered, **options: Any) -> None:
        super().__init__(data, **options)
        for name, values in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(value, value) for value in values]

    def clean_user_data(self) -> str | None:
        """Return the script in base64, as guests' metadata carries it."""
        text = str(self.cleaned_data["user_data"]).replace("\r\n", "\n")
        if not text.strip():
            return None
        raw = text.encode()
        if len(raw) > LONGEST_SCRIPT:
            raise forms.ValidationError(f"It is longer than {LONGEST_SCRIPT:,} bytes.")
        return base64.b64encode(raw).decode()

    def build_request(self, *, more_groups: Sequence[str] = ()) -> BuildRequest:
        """Return what the manager is asked for."""
        wanted = self.cleaned_data
        return BuildRequest(
            name=wanted["name"],
            flavor_id=wanted["flavor"],
            block_devices=(BlockDeviceRequest(source_id=wanted["image"]),),
            networks=tuple(NetworkRequest(network_id=one) for one in wanted["networks"]),
            security_groups=(*wanted["groups"], *more_groups),
            key_name=wanted["key"] or None,
            user_data=wanted["user_data"],
            zone=wanted["zone"] or None,
            scheduler_hints={"group": wanted["server_group"]} if wanted["server_group"] else {},
            min_count=wanted["count"],
            max_count=wanted["count"],
        )
