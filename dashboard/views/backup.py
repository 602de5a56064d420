"""One backup: what it holds, whether it can be restored, and where to."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Listing
from dashboard.components.backups import (
    backup_badge,
    called,
    chain_of,
    in_store,
    is_busy,
    kind_of,
    proof_badge,
)
from dashboard.components.volumes import OFFERED, Choices, space_of
from dashboard.components.volumes import called as volume_called
from dashboard.forms.backups import RestoreForm
from dashboard.forms.volumes import RenameVolumeForm
from dashboard.views.page import Page, is_htmx
from volume.exceptions import BackupNotFound
from volume.manager import BackupManager, VolumeManager, VolumeRequest
from volume.states import ACTIONS, BACKUP_ENDS_FROM, BackupStatus

if TYPE_CHECKING:
    from volume.models import Backup


class BackupPage(Page):
    """The page of a backup; htmx gets its live part."""

    section = "backups"

    def get(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Show it."""
        try:
            facts = self.facts(backup_id)
        except BackupNotFound:
            if not is_htmx(request):
                raise
            response = HttpResponse(status=204)  # it was deleted while we watched
            response.headers["HX-Redirect"] = reverse("backups")
            return response
        if is_htmx(request):
            return self.fragment("dashboard/backups/live.html", **facts)
        return self.shown(facts)

    def shown(self, facts: dict[str, Any], *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page, with these forms as they were filled in."""
        backup = facts["backup"]
        named = {"name": backup.name or "", "description": backup.description or ""}
        forms = {
            "rename": RenameVolumeForm(initial=named),
            "restore": self.restore_form(backup) if facts["may_restore"] else None,
            **more,
        }
        space = space_of(self.context)
        return self.render(
            "dashboard/backups/detail.html", status=status, space=space, **facts, **forms
        )

    def facts(self, backup_id: uuid.UUID) -> dict[str, Any]:
        """Return what the page and its live part show."""
        manager = BackupManager(self.context)
        backup = manager.find(backup_id)
        history = manager.backup_history(backup_id)
        volume_id, is_ready = str(backup.volume_id), backup.status == BackupStatus.AVAILABLE
        names = VolumeManager(self.context).names([volume_id])
        return {
            "backup": backup,
            "name": called(backup),
            "badge": backup_badge(backup),
            "kind": kind_of(backup),
            "stored": in_store(backup),
            "proof": proof_badge(backup),
            "has_volume": volume_id in names,
            "volume_name": names.get(volume_id) or volume_id,
            "chain": [(one, kind_of(one)) for one in chain_of(self.context, backup)],
            "entry": history[0] if history else None,
            "busy": is_busy(backup) or bool(history and history[0].is_live),
            "may_update": self.may("volume:backups:update"),
            "may_restore": self.may("volume:backups:restore") and is_ready,
            "may_prove": self.may("volume:backups:prove") and is_ready,
            "may_delete": self.may("volume:backups:delete"),
            "may_end": backup.status in BACKUP_ENDS_FROM,
        }

    def restore_form(self, backup: Backup, data: Any = None) -> RestoreForm:
        """Return the form that asks where it goes."""
        fitting = Q(status__in=ACTIONS["restore"].starts_in, size__gte=backup.size)
        fitting &= ~Q(read_only=True)  # of most nobody ever said
        asked = Listing(where=fitting, order=("name", "id"), limit=OFFERED)
        found = VolumeManager(self.context).list(asked).rows
        there = [(str(one.id), f"Over {volume_called(one)} · {one.size} GiB") for one in found]
        initial = {"name": f"{backup.name} restored" if backup.name else "", "size": backup.size}
        offered: dict[str, Choices] = {"volume": [("", "Into a new volume"), *there]}
        return RestoreForm(data, offered=offered, initial=initial, auto_id="restore_%s")

    def refuse(
        self, backup_id: uuid.UUID, name: str, form: Any, error: CloudwebError | None = None
    ) -> HttpResponse:
        """Show the page again with what is wrong in a form."""
        if error is not None:
            form.refuse(error)
        return self.shown(self.facts(backup_id), status=422, opened=name, **{name: form})


class RenameBackup(BackupPage):
    """Say what a backup is called and is for."""

    def get(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Show the backup with the form open."""
        return self.shown(self.facts(backup_id), opened="rename")

    def post(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Write it down."""
        form = RenameVolumeForm(request.POST)
        if not form.is_valid():
            return self.refuse(backup_id, "rename", form)
        try:
            backup = BackupManager(self.context).update(str(backup_id), form.cleaned_data)
        except CloudwebError as error:
            return self.refuse(backup_id, "rename", form, error)
        return self.done(f"It is called {called(backup)} now.", reverse("backup", args=[backup_id]))


class RestoreBackup(BackupPage):
    """Make a volume hold again what it held then."""

    def get(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Show the backup with the form open."""
        return self.shown(self.facts(backup_id), opened="restore")

    def post(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Start it, or show the form again with what is wrong."""
        manager = BackupManager(self.context)
        form = self.restore_form(manager.find(backup_id), request.POST)
        if not form.is_valid():
            return self.refuse(backup_id, "restore", form)
        said = form.cleaned_data
        over = said["volume"] or None
        wanted = VolumeRequest(name=said["name"] or None, size=said["size"])
        try:
            volume = manager.restore(
                str(backup_id), volume_id=over, wanted=None if over else wanted
            )
        except CloudwebError as error:
            return self.refuse(backup_id, "restore", form, error)
        where = reverse("volume", args=[volume.id])
        return self.done(f"{volume_called(volume)} is being restored.", where)


class ProveBackup(Page):
    """Restore it to nobody, to know that it can be."""

    section = "backups"

    def post(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Start it."""
        backup = BackupManager(self.context).prove(backup_id)
        where = reverse("backup", args=[backup_id])
        return self.done(f"{called(backup)} is being restored on trial.", where)


class DeleteBackup(Page):
    """Delete a backup, from its page."""

    section = "backups"

    def post(self, request: HttpRequest, backup_id: uuid.UUID) -> HttpResponse:
        """Start it."""
        manager = BackupManager(self.context)
        name = called(manager.find(backup_id))
        manager.delete(str(backup_id))
        return self.done(f"{name} is being deleted.", reverse("backups"))
