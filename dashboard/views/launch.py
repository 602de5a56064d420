"""Launch a server: one page that offers what there is and how much of the quota is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from cloudweb.identifiers import as_uuid
from cloudweb.policy import check
from compute.manager import FlavorManager
from compute.manager.zones import ZoneManager
from dashboard.components.launch import (
    BOOTABLE_IMAGES,
    Offer,
    again,
    flavor_cards,
    group_choices,
    image_cards,
    network_cards,
)
from dashboard.components.networks import OFFERED
from dashboard.components.usage import bars
from dashboard.forms.launch import LaunchForm
from dashboard.views.page import Page
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.manager import (
    InstanceManager,
    KeyPairManager,
    LimitsManager,
    ServerGroupManager,
)
from network.manager import NetworkManager, SecurityGroupManager, TrafficManager
from network.manager.security_group import DEFAULT
from network.traffic import KINDS

IMAGES = 60


class Launch(Page):
    """The form, filled so that a name is all that is missing."""

    section = "servers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        check(self.context, "compute:servers:create")
        offer = self._offer()
        usual = self._usual(offer, request)
        like = as_uuid(request.GET.get("like", ""))
        if like is not None:
            manager = InstanceManager(self.context)
            user_data = manager.own_user_data(str(like))
            usual |= again(offer, manager.get(like), user_data=user_data)
        return self._show(offer, self._form(offer, initial=usual))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Launch; what is wrong is shown at its field."""
        offer = self._offer()
        form = self._form(offer, data=request.POST)
        if form.is_valid():
            try:
                groups = self._groups(form.cleaned_data["let_in"])
                wanted = form.build_request(more_groups=groups)
                made = InstanceManager(self.context).create(wanted)
            except CloudwebError as error:
                form.refuse(error)
            else:
                if len(made) > 1:
                    return self.done(f"{len(made)} servers are being built.", reverse("servers"))
                url = reverse("server", args=[made[0].id])
                return self.done(f"{made[0].name} is being built.", url)
        return self._show(offer, form, status=422)

    def _form(self, offer: Offer, **options: Any) -> LaunchForm:
        offered = {
            "image": [card.id for card in offer.images],
            "flavor": [card.id for card in offer.flavors],
            "networks": [card.id for card in offer.networks],
            "key": [pair.name for pair in offer.keys],
            "groups": [group.value for group in offer.groups],
            "zone": [zone.name for zone in offer.zones],
            "server_group": [key for key, _ in offer.server_groups],
        }
        return LaunchForm(offered=offered, **options)

    def _offer(self) -> Offer:
        context = self.context
        usage = bars(LimitsManager(context).own())
        wanted = ImageFilter(any_of=BOOTABLE_IMAGES)
        project = context.project_id
        groups = SecurityGroupManager(context).list().rows
        return Offer(
            images=image_cards(ImageManager(context).list(wanted=wanted, limit=IMAGES).rows),
            flavors=flavor_cards(FlavorManager(context).list(sort_key="memory_mb").rows, usage),
            networks=network_cards(NetworkManager(context).usable_by_servers()),
            keys=KeyPairManager(context).list().rows,
            groups=group_choices([group for group in groups if group.project_id == project]),
            zones=ZoneManager(context).list(),
            server_groups=ServerGroupManager(context).names(limit=OFFERED),
            bars=usage,
        )

    def _groups(self, kinds: Sequence[str]) -> Sequence[str]:
        """Return the ids of the groups that let this traffic in, made where the project has none."""
        manager = TrafficManager(self.context)
        return [str((manager.find_group(one) or manager.create_group(one)).id) for one in kinds]

    def _usual(self, offer: Offer, request: HttpRequest) -> dict[str, Any]:
        """Return what most want: the newest image, the smallest size that fits, a way in."""
        asked = request.GET.get("image")
        images = [card.id for card in offer.images]
        fitting = [card.id for card in offer.flavors if card.fits]
        return {
            "image": asked if asked in images else next(iter(images), None),
            "flavor": next(iter(fitting), None),
            "networks": [card.id for card in offer.networks[:1]],
            "key": next((pair.name for pair in offer.keys), ""),
            "let_in": ["ssh", "ping"],
            "groups": [group.value for group in offer.groups if group.name == DEFAULT],
            "count": 1,
        }

    def _show(self, offer: Offer, form: LaunchForm, *, status: int = 200) -> HttpResponse:
        chosen = {
            "image": form["image"].value(),
            "flavor": form["flavor"].value(),
            "networks": form["networks"].value() or [],
            "key": form["key"].value() or "",
            "let_in": form["let_in"].value() or [],
            "groups": form["groups"].value() or [],
            "zone": form["zone"].value() or "",
            "server_group": form["server_group"].value() or "",
        }
        more = any(form[name].errors for name in ("user_data", "zone", "count", "groups"))
        more = more or bool(
            form["user_data"].value() or form["zone"].value() or form["server_group"].value()
        )
        return self.render(
            "dashboard/servers/launch.html",
            status=status,
            form=form,
            offer=offer,
            chosen=chosen,
            more=more,
            traffic=KINDS.values(),
        )
