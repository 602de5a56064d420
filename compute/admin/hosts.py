"""Hosts: load, up or down, enable and disable with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import Values, ValuesFilter, bar, bullets, pill, row_action
from compute.admin.host_load import HostLoadAdmin
from compute.cpu_sets import cpu_set
from compute.manager import HostFailureManager, HostFenceManager, HostManager
from compute.models import Host
from compute.querysets import is_up
from compute.scheduler import CellUse, in_use
from compute.traits import is_custom


def cell_words(cell: CellUse) -> str:
    """Return ``0: 8 CPUs (shared 0-1, dedicated 2-7, of these pinned 2-3), 4,096 MiB, …``."""
    cpus = f"shared {cpu_set(cell.shared) or 'none'}"
    if cell.dedicated:
        cpus += (
            f", dedicated {cpu_set(cell.dedicated)}, of these held {cpu_set(cell.held) or 'none'}"
        )
    words = [f"{cell.cpus} CPUs ({cpus})", f"{cell.ram:,} MiB"]
    if cell.ram_held:
        words.append(f"{cell.ram_held:,} MiB held by servers of NUMA nodes")
    words += [
        f"{taken:,} of {total:,} pages of {size:,} KiB held" for size, total, taken in cell.pages
    ]
    return f"{cell.id}: {', '.join(words)}"


class ReasonForm(ActionForm):
    """The choice of an action, with a reason beside it."""

    reason = forms.CharField(
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"placeholder": "Reason (disable, off)"}),
    )


class HostForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What an operator decides about a host; the rest it reports itself."""

    zone = forms.RegexField(r"^[^\s:/][^:/]*$", max_length=255)
    own_traits = forms.CharField(
        required=False,
        label="Traits of yours",
        help_text="Words like CUSTOM_GOLD. A flavor asks for one by trait:CUSTOM_GOLD=required.",
    )

    class Meta:
        model = Host
        fields = ("zone", "enabled", "disabled_reason", "cpu_ratio", "ram_ratio", "disk_ratio")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["own_traits"] = " ".join(sorted(self.instance.custom_traits))

    def clean_own_traits(self) -> list[str]:
        """Return them; refuse a name that is not for operators to give."""
        found = sorted(set(self.cleaned_data["own_traits"].split()))
        wrong = [name for name in found if not is_custom(name)]
        if wrong:
            raise forms.ValidationError(f"Not CUSTOM_ and capitals, digits and _: {wrong[0][:80]}")
        return found

    def clean(self) -> dict[str, Any]:
        """Refuse a ratio that promises nothing or less."""
        data: dict[str, Any] = super().clean() or {}
        for name in ("cpu_ratio", "ram_ratio", "disk_ratio"):
            if data.get(name) is not None and data[name] <= 0:
                self.add_error(name, "It must be more than 0.")
        return data


@admin.register(Host)
class HostAdmin(HostLoadAdmin):
    """Hosts with their load."""

    form = HostForm
    can_change = True
    can_delete = True
    action_form = ReasonForm
    actions = ("enable", "disable", "power_off", "power_on", "confirm_off", "force_down", "believe")
    list_display = (
        "name",
        "zone",
        "state",
        "status",
        "vcpu_load",
        "ram_load",
        "disk_load",
        "load_page",
        "driver",
        "health",
    )
    list_filter = (("zone", ValuesFilter), "enabled", ("driver", ValuesFilter))
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = (
        "name",
        "id",
        "state",
        "vcpu_load",
        "ram_load",
        "disk_load",
        "measured_ram_free",
        "measured_disk_free",
        "running_guests",
        "load_page",
        "driver",
        "problem_list",
        "capability_names",
        "hypervisor_type",
        "hypervisor_version",
        "architecture",
        "cpu_model",
        "accelerated",
        "shared_ratios",
        "trait_names",
        "cell_list",
        "image_count",
        "build_failures",
        "created_at",
        "empty_it",
    )
    fieldsets = (
        (
            None,
            {"fields": ("name", "id", "state", "zone", "enabled", "disabled_reason", "empty_it")},
        ),
        ("Load", {"fields": ("vcpu_load", "ram_load", "disk_load", "running_guests", "load_page")}),
        (
            "Over-promise (empty: as its aggregates say, or the setting)",
            {"fields": ("cpu_ratio", "ram_ratio", "disk_ratio", "shared_ratios")},
        ),
        ("Traits", {"fields": ("own_traits", "trait_names")}),
        (
            "What the host reports",
            {
                "fields": (
                    "problem_list",
                    "measured_ram_free",
                    "measured_disk_free",
                    "driver",
                    "capability_names",
                    "hypervisor_type",
                    "hypervisor_version",
                    "architecture",
                    "cpu_model",
                    "accelerated",
                    "cell_list",
                    "image_count",
                    "build_failures",
                    "created_at",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Host]:
        """Add whether each host is up, in the same statement."""
        up = Case(When(is_up(), then=Value(True)), default=Value(False))
        hosts: QuerySet[Host] = super().get_queryset(request)
        return hosts.annotate(seems_up=up)

    @admin.display(description="state", ordering="seems_up")
    def state(self, host: Host) -> SafeString:
        """Return whether its agent reports."""
        up = bool(getattr(host, "seems_up", False))
        return pill("up" if up else "down", good=up)

    @admin.display(description="status", ordering="enabled")
    def status(self, host: Host) -> SafeString:
        """Return what operators decided, and why."""
        reason = f": {host.disabled_reason}" if host.disabled_reason else ""
        return pill("enabled" if host.enabled else f"disabled{reason}", good=host.enabled or None)

    @admin.display(description="vCPUs promised")
    def vcpu_load(self, host: Host) -> SafeString:
        """Return a bar."""
        pinned = f", {host.pinned} of {host.dedicated} pinned" if host.dedicated else ""
        text = f"{host.vcpus_used} of {host.vcpus_limit}{pinned}"
        return bar(host.vcpus_used, host.vcpus_limit, text)

    @admin.display(description="RAM promised")
    def ram_load(self, host: Host) -> SafeString:
        """Return a bar."""
        return bar(host.ram_used, host.ram_limit, f"{host.ram_used:,} of {host.ram_limit:,} MiB")

    @admin.display(description="disk promised")
    def disk_load(self, host: Host) -> SafeString:
        """Return a bar."""
        return bar(
            host.disk_used, host.disk_limit, f"{host.disk_used:,} of {host.disk_limit:,} GiB"
        )

    @admin.display(description="drain")
    def empty_it(self, host: Host) -> SafeString:
        """Link to where a host is emptied."""
        page = reverse("admin:instances_hostdrain_add")
        words = "Move all its servers away"
        return format_html('<a href="{}?host={}">{}</a>', page, host.name, words)

    @admin.display(description="health")
    def health(self, host: Host) -> SafeString:
        """Count what needs a look."""
        count = len(host.problems)
        text = f"{count} problem{'' if count == 1 else 's'}" if count else "fine"
        return pill(text, good=not count)

    @admin.display(description="problems")
    def problem_list(self, host: Host) -> SafeString | str:
        """Show each in the host's own words."""
        return bullets([(text,) for text in host.problems])

    @admin.display(description="capabilities")
    def capability_names(self, host: Host) -> str:
        """Return what its driver can do beyond the least."""
        return ", ".join(sorted(host.capabilities)) or "none"

    @admin.display(description="by its aggregates")
    def shared_ratios(self, host: Host) -> str:
        """Return what metadata of its aggregates says."""
        said = {
            "vCPUs": host.shared_cpu_ratio,
            "RAM": host.shared_ram_ratio,
            "disk": host.shared_disk_ratio,
        }
        return ", ".join(f"{name} {ratio:g} times" for name, ratio in said.items() if ratio) or "-"

    @admin.display(description="traits it reports")
    def trait_names(self, host: Host) -> str:
        """Return what flavors and images can ask for."""
        return ", ".join(sorted(host.traits)) or "none"

    @admin.display(description="NUMA cells")
    def cell_list(self, host: Host) -> SafeString | str:
        """Show the processors and the memory of each, and what servers hold of them."""
        return bullets([(cell_words(cell),) for cell in in_use(host)])

    @admin.display(description="images it has already")
    def image_count(self, host: Host) -> int:
        """Count them: servers of these start sooner there."""
        return len(host.images)

    def update(self, request: HttpRequest, row: Host, values: Values) -> None:
        """Write the decisions by the manager; what changed is in the row already."""
        hosts = HostManager(self.context(request))
        hosts.configure(
            row.name,
            zone=row.zone,
            cpu_ratio=row.cpu_ratio,
            ram_ratio=row.ram_ratio,
            disk_ratio=row.disk_ratio,
            custom_traits=values.get("own_traits", row.custom_traits),
        )
        if {"enabled", "disabled_reason"} & set(values):
            if row.enabled:
                hosts.enable(row.name)
            else:
                hosts.disable(row.name, reason=row.disabled_reason)

    def remove(self, request: HttpRequest, row: Host) -> None:
        """Forget the host."""
        HostManager(self.context(request)).delete(row.name)

    enable = row_action(
        "Enable: place servers here again",
        "enabled: servers may be placed there again",
        lambda context, host: HostManager(context).enable(host.name),
    )
    force_down = row_action(
        "Treat as down, whatever it reports: I know that it is off",
        "forced down until reports are believed again",
        lambda context, host: HostManager(context).force_down(host.name, forced=True),
    )
    power_on = row_action(
        "Power on",
        "being switched on; its fence's page says how that ends",
        lambda context, host: HostFenceManager(context).power(host.name, "on"),
    )
    believe = row_action(
        "Believe its reports again",
        "up again as soon as reports come in",
        lambda context, host: HostManager(context).force_down(host.name, forced=False),
    )

    @admin.action(description="Disable: place no further servers here")
    def disable(self, request: HttpRequest, queryset: QuerySet[Host]) -> None:
        """Disable each, with the reason that was typed."""
        hosts, reason = HostManager(self.context(request)), _reason(request)
        done = "disabled: no further servers are placed there, those there go on"
        self.act(request, queryset, done, lambda host: hosts.disable(host.name, reason=reason))

    @admin.action(description="Power off, if it is down (fence)")
    def power_off(self, request: HttpRequest, queryset: QuerySet[Host]) -> None:
        """Cut the power of each, with the reason that was typed."""
        fences, reason = HostFenceManager(self.context(request)), _reason(request)
        done = "being switched off; its fence's page says how that ends"
        self.act(
            request, queryset, done, lambda host: fences.power(host.name, "off", reason=reason)
        )

    @admin.action(description="Confirm that it is off: I looked (give the reason)")
    def confirm_off(self, request: HttpRequest, queryset: QuerySet[Host]) -> None:
        """Take the operator's word for each, with the reason that was typed."""
        deaths, reason = HostFailureManager(self.context(request)), _reason(request)
        done = "confirmed to be off: what was on it may be evacuated"
        self.act(request, queryset, done, lambda host: deaths.confirm_off(host.name, reason=reason))


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:255]
