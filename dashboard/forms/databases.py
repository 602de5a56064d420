"""Databases: what is launched, and what is changed about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from cloudweb.addresses import canonical_block
from cloudweb.exceptions import QuotaExceeded
from dashboard.components.databases import Setting
from dashboard.components.volumes import Space
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.networks import GONE, OfferingForm
from dashboard.forms.volumes import LARGEST, SIZE_ERRORS
from databases.exceptions import ConfigurationDoesNotFit, MomentNotKept
from databases.requests import InstanceRequest, NewDatabase, NewUser

#: An empty password is drawn; the datastores' own rules are the manager's.
LONGEST_PASSWORD = 128


class BlocksField(forms.CharField):
    """Blocks of addresses, one a line or with commas between them."""

    def clean(self, value: Any) -> Any:
        """Return them in their usual form."""
        text = super().clean(value)
        found = []
        for word in str(text).replace(",", " ").split():
            try:
                found.append(canonical_block(word))
            except ValueError as error:
                raise forms.ValidationError(f"{word[:64]} is no block of addresses.") from error
        return tuple(found)


class LaunchDatabaseForm(OfferingForm):
    """What is chosen on the launch page; the page itself offers only what there is."""

    FIELDS = {
        QuotaExceeded: "size",
        ConfigurationDoesNotFit: "configuration",
        MomentNotKept: "moment",
    }

    name = NameField()
    version = forms.ChoiceField(error_messages={"required": "Choose a datastore.", **GONE})
    flavor = forms.ChoiceField(error_messages={"required": "Choose a size.", **GONE})
    size = forms.IntegerField(min_value=1, max_value=LARGEST, error_messages=SIZE_ERRORS)
    network = forms.ChoiceField(error_messages={"required": "Choose a network.", **GONE})
    cidrs = BlocksField(max_length=1000, required=False)
    require_tls = forms.BooleanField(required=False)
    database = forms.CharField(max_length=64, required=False)
    user = forms.CharField(max_length=80, required=False)
    password = forms.CharField(max_length=LONGEST_PASSWORD, required=False, strip=False)
    backup = forms.ChoiceField(required=False, error_messages=GONE)
    configuration = forms.ChoiceField(required=False, error_messages=GONE)
    copy_of = forms.UUIDField(required=False)
    moment = forms.DateTimeField(
        required=False, error_messages={"invalid": "Write a moment as 2030-01-31T10:11:12."}
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a password of nobody."""
        said = super().clean() or self.cleaned_data
        if said.get("password") and not said.get("user"):
            self.add_error("user", "Whose password is it?")
        if said.get("copy_of") and not said.get("moment") and "moment" not in self.errors:
            self.add_error("moment", "Choose a moment.")
        return said

    def build_request(self, *, password: str) -> InstanceRequest:
        """Return what the manager is asked for; the first user gets this password."""
        said = self.cleaned_data
        database, user, backup = said["database"], said["user"], said["backup"]
        may_use = (database,) if database else ()
        copy_of = said["copy_of"]
        begins = bool(backup or copy_of)
        return InstanceRequest(
            name=said["name"],
            flavor_id=said["flavor"],
            volume_size=said["size"],
            version=None if begins else said["version"],
            network_id=said["network"],
            databases=[NewDatabase(name=database)] if database else [],
            users=[NewUser(name=user, password=password, databases=may_use)] if user else [],
            backup_id=None if copy_of else backup or None,
            copy_of=str(copy_of) if copy_of else None,
            moment=said["moment"] if copy_of else None,
            configuration_id=None if begins else said["configuration"] or None,
            allowed_cidrs=said["cidrs"],
            require_tls=said["require_tls"],
        )


class RenameDatabaseForm(RefusableForm):
    """What a database is called."""

    name = NameField()


class AccessForm(RefusableForm):
    """From where clients may come, and how."""

    cidrs = BlocksField(max_length=1000, required=False)
    require_tls = forms.BooleanField(required=False)


class NewContentForm(RefusableForm):
    """A database inside of an instance."""

    name = forms.CharField(max_length=64)


class NewUserForm(OfferingForm):
    """A user, and the database that it may use at once."""

    name = forms.CharField(max_length=80)
    password = forms.CharField(max_length=LONGEST_PASSWORD, required=False, strip=False)
    database = forms.ChoiceField(required=False, error_messages=GONE)


class BackUpDatabaseForm(RefusableForm):
    """A backup, whole or of what is new."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
    incremental = forms.BooleanField(required=False)


class NewReplicaForm(RefusableForm):
    """A replica, which has what its source has."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()


class FailoverForm(RefusableForm):
    """Whether a replica takes over by itself, and from a source that is ill for so many seconds."""

    automatic = forms.BooleanField(required=False)
    after = forms.IntegerField(min_value=60, max_value=3600)


class ConfigureForm(OfferingForm):
    """The settings that a database takes; "" are the datastore's own."""

    FIELDS = {ConfigurationDoesNotFit: "configuration"}

    configuration = forms.ChoiceField(required=False, error_messages=GONE)


class ResizeDatabaseForm(OfferingForm):
    """Another size of the server."""

    FIELDS = {QuotaExceeded: "flavor"}

    flavor = forms.ChoiceField(error_messages={"required": "Choose a size.", **GONE})


class UpgradeDatabaseForm(OfferingForm):
    """A newer version of the datastore."""

    version = forms.ChoiceField(error_messages={"required": "Choose a version.", **GONE})


class GrowDatabaseForm(RefusableForm):
    """How large its volume is to be."""

    FIELDS = {QuotaExceeded: "size"}

    size = forms.IntegerField(min_value=1, max_value=LARGEST, error_messages=SIZE_ERRORS)

    def __init__(self, data: Any = None, *, space: Space, **options: Any) -> None:
        super().__init__(data, initial={"size": space.own + 1}, **options)
        self.space = space


class NewConfigurationForm(OfferingForm):
    """Settings for one datastore version, empty at first."""

    name = forms.CharField(max_length=64)
    description = forms.CharField(max_length=255, required=False)
    version = forms.ChoiceField(error_messages={"required": "Choose a datastore.", **GONE})


class SettingsForm(RefusableForm):
    """The value of every parameter of a version; an empty one is the datastore's default."""

    def __init__(self, data: Any = None, *, settings: Sequence[Setting], **options: Any) -> None:
        super().__init__(data, **options)
        self.names = [one.row.name for one in settings]
        for one in settings:
            self.fields[one.row.name] = forms.CharField(
                max_length=1000, required=False, initial=one.value
            )

    @property
    def values(self) -> dict[str, str]:
        """Return what was filled in."""
        return {name: said for name in self.names if (said := self.cleaned_data[name])}
