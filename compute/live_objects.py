"""What the control plane tells hosts about a guest that goes to another host while it runs, and is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject
from compute.objects import GuestSpec, spec_without_topology

#: Whether disks of the guest's own are copied: as it must be, always, or never (then they must be shared).
BlockCopy = Literal["auto", "yes", "no"]


Downgrades = dict[int, Callable[[dict[str, Any]], dict[str, Any]]]


class OwnDisk(Part):
    """A disk of the guest's own, by its name; bytes. ``used`` is what a copy has to move at most.

    ``copied``: it is copied to the new host; else both hosts have the same file.
    """

    name: str
    size: int
    used: int = 0
    copied: bool = True


class DestinationCheck(VersionedObject):
    """May this host take that guest? ``spec`` is the guest as its host has it."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Downgrades] = {1: spec_without_topology}

    spec: GuestSpec
    source_host: str


class DestinationVerdict(VersionedObject):
    """What speaks against it (sentences for the operator), and what the other host judges by.

    ``cpu`` describes the host's processor in the driver's words, ``version`` its hypervisor. ``token`` is the
    name of an empty file where disks of guests lie: who sees it there shares that storage. ``free`` bytes are
    there, and ``mtu`` is that of the way between the hosts (0: not known).
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    reasons: tuple[str, ...] = ()
    driver: str = ""
    cpu: str = ""
    version: int = 0
    token: str = ""
    free: int = 0
    mtu: int = 0


class SourceCheck(VersionedObject):
    """Can that guest of yours go to that host, which says so of itself?"""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Downgrades] = {1: spec_without_topology}

    spec: GuestSpec
    dest_host: str
    destination: DestinationVerdict
    block_copy: BlockCopy = "auto"


class SourceVerdict(VersionedObject):
    """What speaks against it, and what is to be expected.

    ``memory`` in bytes, ``dirty_rate`` in bytes a second; ``seconds`` is None where pre-copy alone would
    never end; ``downtime`` in milliseconds.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    reasons: tuple[str, ...] = ()
    disks: tuple[OwnDisk, ...] = ()
    memory: int = 0
    dirty_rate: int = 0
    seconds: int | None = None
    downtime: int = 0


class PrepareRequest(VersionedObject):
    """Make ready for a guest of that host: ``spec`` is the guest as this host shall have it."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Downgrades] = {1: spec_without_topology}

    spec: GuestSpec
    source_host: str
    disks: tuple[OwnDisk, ...] = ()


class LiveOffer(VersionedObject):
    """Where the new host listens, by TLS and for that one host alone, until the guest came or it is rolled back.

    ``uri`` is where its hypervisor is spoken to, in the driver's words. ``tls_name`` is what its certificate
    names. ``definition`` is how the hypervisor shall define the guest there.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    uri: str = ""
    address: str = ""
    port: int = 0
    disks_port: int = 0
    tls_name: str = ""
    definition: str = Field("", repr=False)


class LiveRequest(VersionedObject):
    """Bring the guest there. ``spec`` is the guest as that host shall have it.

    The ladder: memory is copied while the guest runs; its ``downtime`` (milliseconds) is raised in ``steps`` to
    ``most_downtime``, one each ``step_seconds``; ``deadline`` seconds after the start the ``timeout_action`` is
    taken: it is held still until it is over (or goes over at once, where ``post_copy`` is allowed), or it stays
    where it is. What is held still and is not over after as long again stays, too. ``bandwidth`` in bytes a
    second, 0 is without limit.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Downgrades] = {1: spec_without_topology}

    spec: GuestSpec
    dest_host: str
    offer: LiveOffer
    disks: tuple[OwnDisk, ...] = ()
    deadline: int = Field(ge=1)
    timeout_action: Literal["force_complete", "abort"] = "force_complete"
    post_copy: bool = False
    downtime: int = 500
    most_downtime: int = 4000
    steps: int = Field(5, ge=1)
    step_seconds: int = Field(10, ge=1)
    bandwidth: int = 0


class LiveResult(VersionedObject):
    """How it ended: the guest is there (``completed``), or here as before (``aborted``, and why).

    ``sentence`` is for the operator. Of what completed, ``downtime`` (milliseconds) it was held still.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    outcome: Literal["completed", "aborted"]
    reason: Literal["", "asked", "deadline", "error"] = ""
    sentence: str = ""
    seconds: float = 0.0
    downtime: int = 0


#: ``running`` and ``paused`` (as its user wished) are a whole guest; ``paused_incoming`` is a copy that has not
#: come over; ``paused_outgoing`` one that was held still for the other host, which alone may say whether it
#: went over; ``off`` is there and does not run; ``unknown``: the hypervisor does not answer.
RunsState = Literal[
    "running", "paused", "paused_incoming", "paused_outgoing", "off", "absent", "unknown"
]


class RunsHere(VersionedObject):
    """What a host has of a guest; ``moving``: it is on its way to or from another one."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    state: RunsState
    moving: bool = False
