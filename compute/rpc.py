"""What a compute agent can be ordered and asked: the whole contract, readable alone."""

from __future__ import annotations

from cloudweb.rpc import Method
from compute.guest_use import GuestUse
from compute.live_objects import (
    DestinationCheck,
    DestinationVerdict,
    LiveOffer,
    LiveRequest,
    LiveResult,
    PrepareRequest,
    RunsHere,
    SourceCheck,
    SourceVerdict,
)
from compute.meter_objects import GuestMeters, MetersRequest
from compute.objects import (
    AttachDiskRequest,
    AttachInterfaceRequest,
    CacheRequest,
    ConsoleEntry,
    ConsoleOpening,
    ConsoleRequest,
    ConsoleText,
    DetachDiskRequest,
    DetachInterfaceRequest,
    EndMirrorRequest,
    FreezeRequest,
    FreezeState,
    GuestRef,
    GuestSpec,
    GuestState,
    PasswordRequest,
    PowerOffRequest,
    RebootRequest,
    ResizeDiskRequest,
    SwapDiskRequest,
    SwapState,
    ThawRequest,
    WipeRequest,
)
from compute.resize_objects import DiskChoice, DiskOffer, OfferRequest, ReceiveRequest
from compute.snapshots.objects import (
    GuestSnapshotRef,
    GuestSnapshotRequest,
    GuestSnapshotTaken,
    GuestSnapshotUpload,
)

#: Make the guest exist and run; its images are fetched first, its taps must be there.
SPAWN = Method("compute.spawn", GuestSpec, GuestState, deadline=900)
#: Make the guest and all of it on the host absent.
DESTROY = Method("compute.destroy", GuestRef, deadline=120, urgent=True)
#: Make the guest run; its disks are there.
POWER_ON = Method("compute.power_on", GuestSpec, GuestState, deadline=120)
#: Make the guest be off; its disks stay.
POWER_OFF = Method("compute.power_off", PowerOffRequest, GuestState, deadline=300, patient=True)
#: Reboot softly or hard.
REBOOT = Method("compute.reboot", RebootRequest, GuestState, deadline=300, patient=True)
#: Halt the guest; its memory stays where it is.
PAUSE = Method("compute.pause", GuestRef, GuestState, deadline=60)
#: Let a halted guest go on.
UNPAUSE = Method("compute.unpause", GuestRef, GuestState, deadline=60)
#: Write the guest's memory to the host's disk and end it.
SUSPEND = Method("compute.suspend", GuestRef, GuestState, deadline=900, patient=True)
#: Let a suspended guest go on from what was written; its disks and taps are there.
RESUME = Method("compute.resume", GuestSpec, GuestState, deadline=900, patient=True)
#: Start the guest from its rescue disk, which is made anew from its image.
RESCUE = Method("compute.rescue", GuestSpec, GuestState, deadline=900)
#: Make the guest be off and its rescue disk absent.
UNRESCUE = Method("compute.unrescue", GuestRef, GuestState, deadline=120)
#: Fetch what the guest shall be made from; then make it be off, and its own disks absent.
WIPE = Method("compute.wipe", WipeRequest, deadline=900)
#: Fetch an image for guests that are to come; a host whose guests are made of none has it at once.
CACHE_IMAGE = Method("compute.cache_image", CacheRequest, deadline=4 * 3600, patient=True)
#: Give the guest a disk that is there; its next starts have it too.
ATTACH_DISK = Method("compute.attach_disk", AttachDiskRequest, deadline=120)
#: Make an attached disk absent from the guest, who is asked for it; a guest that is gone has none.
DETACH_DISK = Method("compute.detach_disk", DetachDiskRequest, deadline=300, patient=True)
#: Let the guest see that an attached disk has grown.
RESIZE_DISK = Method("compute.resize_disk", ResizeDiskRequest, deadline=120)
#: Give the guest a network card whose tap is there; its next starts have it too.
ATTACH_INTERFACE = Method("compute.attach_interface", AttachInterfaceRequest, deadline=120)
#: Make a card absent from the guest, who is asked for it; a guest that is gone has none.
DETACH_INTERFACE = Method(
    "compute.detach_interface", DetachInterfaceRequest, deadline=300, patient=True
)
#: Let something else hold all that a disk does, and all that is written from then on; the guest runs.
MIRROR_DISK = Method("compute.mirror_disk", SwapDiskRequest, deadline=12 * 3600, patient=True)
#: Let the guest go over to that, if nothing is missing there; that it cannot is an answer.
SWAP_DISK = Method("compute.swap_disk", SwapDiskRequest, SwapState, deadline=120)
#: Write to that no more; a guest that went over stays there.
END_MIRROR = Method("compute.end_mirror", EndMirrorRequest, deadline=120, urgent=True)
#: Hold the guest's file systems still for a short time; that it cannot be done is an answer.
FREEZE = Method("compute.freeze", FreezeRequest, FreezeState, deadline=60, patient=True)
#: Let them go on, also those that were never held.
THAW = Method("compute.thaw", ThawRequest, FreezeState, deadline=60, urgent=True)
#: Copy the disk that the guest boots from as it is at one moment; it runs on.
SNAPSHOT = Method(
    "compute.snapshot", GuestSnapshotRequest, GuestSnapshotTaken, deadline=4 * 3600, patient=True
)
#: Bring such a copy to its image.
UPLOAD_SNAPSHOT = Method(
    "compute.upload_snapshot", GuestSnapshotUpload, deadline=12 * 3600, patient=True
)
#: Make such a copy absent, whole or half-made.
DROP_SNAPSHOT = Method("compute.drop_snapshot", GuestSnapshotRef, deadline=120)
#: Let another host read the disks of a guest that is off.
OFFER_DISKS = Method("compute.offer_disks", OfferRequest, DiskOffer, deadline=120)
#: Let nobody read them any more.
WITHDRAW_DISKS = Method("compute.withdraw_disks", GuestRef, deadline=60, urgent=True)
#: Copy the disks of a guest from another host.
RECEIVE_DISKS = Method("compute.receive_disks", ReceiveRequest, deadline=6 * 3600, patient=True)
#: Let a guest that stays on its host have the disks of before its resize, or copies of them.
CHOOSE_DISKS = Method("compute.choose_disks", DiskChoice, deadline=6 * 3600, patient=True)
#: Make a guest that is off be of this size; its disks are there and grow. It stays off.
RESIZE = Method("compute.resize", GuestSpec, GuestState, deadline=900, patient=True)
#: Answer whether this host may take a guest that runs on another; also asked as a question.
CHECK_DESTINATION = Method(
    "compute.check_destination", DestinationCheck, DestinationVerdict, query=True
)
#: Answer whether a guest of this host can go to one that said so of itself; also asked as a question.
CHECK_SOURCE = Method("compute.check_source", SourceCheck, SourceVerdict, query=True)
#: Make ready for a guest that comes while it runs.
PRE_LIVE_MIGRATION = Method("compute.pre_live_migration", PrepareRequest, LiveOffer, deadline=900)
#: Bring a guest to another host while it runs; answered when that is over, one way or the other.
LIVE_MIGRATE = Method(
    "compute.live_migrate", LiveRequest, LiveResult, deadline=24 * 3600, patient=True
)
#: Let the guest stay where it is. A question goes beside the running order; an order takes its place.
ABORT_LIVE = Method("compute.abort_live", GuestRef, RunsHere, query=True)
#: Let it be over soon, the guest held still until then.
FORCE_COMPLETE_LIVE = Method("compute.force_complete_live", GuestRef, RunsHere, query=True)
#: Answer with what this host has of a guest. As an order its scope is ``whole_scope``.
WHO_RUNS = Method("compute.who_runs", GuestRef, RunsHere, query=True)
#: Make everything absent of a guest that went to another host.
POST_LIVE_MIGRATION = Method("compute.post_live_migration", GuestRef, deadline=300)
#: Keep a guest that came; one that died there meanwhile is off, or absent.
POST_LIVE_MIGRATION_AT_DESTINATION = Method(
    "compute.post_live_migration_at_destination", GuestSpec, RunsHere, deadline=300
)
#: Make absent what was made ready for a guest that stays away; one that came all the same stays, and is told.
ROLLBACK_LIVE_MIGRATION_AT_DESTINATION = Method(
    "compute.rollback_live_migration_at_destination", GuestRef, RunsHere, deadline=300
)
#: Let a guest go on that was held still for another host, which has none.
RESUME_SOURCE = Method("compute.resume_source", GuestRef, RunsHere, deadline=120)
#: Answer with the newest lines of the serial console.
CONSOLE_OUTPUT = Method("compute.console_output", ConsoleRequest, ConsoleText, query=True)
#: Have the guest's agent set a password; that it was done is an answer. No journal keeps it.
SET_PASSWORD = Method("compute.set_password", PasswordRequest, GuestState, query=True)
#: Send the guest an interrupt that lets its system write down what it was doing, and panic.
INJECT_NMI = Method("compute.inject_nmi", GuestRef, GuestState, query=True)
#: Answer with what the guest uses.
DIAGNOSE = Method("compute.diagnose", GuestRef, GuestUse, query=True)
#: Answer with what the guest used in the last hour or day.
METERS = Method("compute.meters", MetersRequest, GuestMeters, query=True)
#: Answer with what the host itself used in the last hour or day.
HOST_METERS = Method("compute.host_meters", MetersRequest, GuestMeters, query=True)
#: Answer with the guest's state as the hypervisor sees it.
INSPECT = Method("compute.inspect", GuestRef, GuestState, query=True)
#: Answer with where a console can be looked at, and a ticket for it.
OPEN_CONSOLE = Method("compute.open_console", ConsoleOpening, ConsoleEntry, query=True)


def whole_scope(guest_id: str, host: str) -> str:
    """Return the resource of an order that only looks: it waits for none about the guest itself."""
    return f"{guest_id}-on-{host}"
