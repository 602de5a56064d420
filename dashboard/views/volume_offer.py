"""A volume is offered to another project, and no longer."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from dashboard.views.page import Page
from dashboard.views.volume import VolumePage
from volume.manager import TransferManager


class OfferVolume(VolumePage):
    """Offer it; the key is in this one answer and nowhere else."""

    @sensitive_variables("made")
    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Offer it, and show the key."""
        made = TransferManager(self.context).create(volume_id=str(volume_id))
        response = self.shown(self.facts(volume_id), made=made)
        response.headers["Cache-Control"] = "no-store"
        return response


class WithdrawVolume(Page):
    """Offer it no longer."""

    section = "volumes"

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, transfer_id: uuid.UUID
    ) -> HttpResponse:
        """Take the offer back."""
        TransferManager(self.context).withdraw(transfer_id)
        return self.done("It is offered no longer.", reverse("volume", args=[volume_id]))
