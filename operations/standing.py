"""Who is of which release: what each service speaks less than this code does, and what waits for its upgrade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cloudweb.exceptions import CloudwebError
from cloudweb.objects import parse_version
from cloudweb.rpc import Method
from cloudweb.topics import CONTROL
from cloudweb.version import RELEASE
from operations import services
from operations.models import Debt, Operation, Service, Step
from operations.saga import Saga
from operations.starting import PARTS, ROUND
from operations.states import Direction, OperationState
from operations.versions import HostTooOld

Age = Literal["as this", "behind", "ahead", "unknown"]
SHOWN = 20  # of what waits for a service


@dataclass(frozen=True, slots=True)
class Standing:
    """A service beside this code. ``older`` is by method what it speaks and what this code would say;
    ``lacks`` are methods that it does not know; ``waits`` are sentences about what its upgrade would let go on.
    """

    topic: str
    release: str
    up: bool
    age: Age
    older: Mapping[str, tuple[str, str]]
    lacks: Sequence[str]
    waits: Sequence[str]


def standings() -> list[Standing]:
    """Return all services, by topic."""
    alive = set(Service.objects.filter(services.up()).values_list("id", flat=True))
    return [
        Standing(
            topic=row.topic,
            release=row.version or "unknown",
            up=row.id in alive,
            age=age_of(row),
            older=older(row),
            lacks=lacks(row),
            waits=waits_for(row),
        )
        for row in Service.objects.order_by("topic")
    ]


def age_of(service: Service) -> Age:
    """Tell whether a service is of an older release than this code, or of the same one in an older state."""
    if not service.version:
        return "unknown"
    theirs, ours = _numbers(service.version), _numbers(RELEASE)
    if theirs != ours:
        return "behind" if theirs < ours else "ahead"
    return "behind" if older(service) or lacks(service) else "as this"


def older(service: Service) -> Mapping[str, tuple[str, str]]:
    """Return by method the version that a host speaks, and ours, where that is newer."""
    found = {}
    for name, version in service.speaks.items():
        method = Method.REGISTRY.get(name)
        if method is not None and _version(version) < _version(method.payload.VERSION):
            found[name] = (version, method.payload.VERSION)
    return found


def lacks(service: Service) -> Sequence[str]:
    """Return the methods of its domain that a host does not know; of one that told nothing, none."""
    if not service.speaks:
        return ()
    names = (name for name, method in Method.REGISTRY.items() if method.domain == service.domain)
    return sorted(name for name in names if name not in service.speaks)


def waits_for(service: Service) -> Sequence[str]:
    """Return what this service's upgrade would let go on."""
    said = _plans() if service.domain in CONTROL else _of_host(service)
    return [sentence for sentence, _ in zip(said, range(SHOWN), strict=False)]


def _of_host(service: Service) -> Iterator[str]:
    named = f"Host {service.host} has to be upgraded first"
    debts = Debt.objects.filter(
        host=service.host,
        paid_at__isnull=True,
        scope__startswith=f"{service.domain}:",
        error_detail__startswith=named,
    )
    for debt in debts[:SHOWN]:
        yield f"It owes {debt.method} of {debt.scope}: {debt.error_detail}"
    refused = Step.objects.filter(
        error_code=HostTooOld.code,
        error_detail__startswith=named,
        error_detail__contains=f"{service.domain}.",
    )
    for step in refused.select_related("operation").order_by("-operation__created_at")[:SHOWN]:
        operation = step.operation
        yield (
            f"{operation.kind} of {operation.resource_type} {operation.resource_id} was refused: "
            f"{step.error_detail}"
        )


def _plans() -> Iterator[str]:
    """Give the operations that only a newer release can finish: it planned them."""
    live = Operation.objects.exclude(state__in=OperationState.ended())
    strange = live.exclude(kind__in=Saga.REGISTRY)
    for operation in strange[:SHOWN]:
        yield f"Operation {operation.id}: {operation.kind} is of a newer release."
    planned = live.filter(kind__in=Saga.REGISTRY, state=OperationState.WAITING, epoch__gt=0)
    for operation in planned.order_by("-created_at")[:SHOWN]:
        rows = Step.objects.filter(operation=operation, direction=Direction.DO, seq__lt=ROUND)
        names = tuple(
            name
            for seq, name in rows.order_by("seq").values_list("seq", "name")
            if seq % PARTS == 0
        )
        try:
            Saga.REGISTRY[operation.kind].as_planned(names)
        except KeyError as step:
            yield f"Operation {operation.id}: step {step} of {operation.kind} is of a newer release."


def _numbers(release: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in release.split(".")]


def _version(text: str) -> tuple[int, int]:
    try:
        return parse_version(text)
    except CloudwebError:
        return 0, 0
