"""Settings and defaults of servers."""

from __future__ import annotations

from cloudweb.conf import env

#: Quota defaults (contract 11.2).
QUOTAS = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "metadata_items": 128,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
}
#: Seconds a guest is given to shut down before the plug is pulled.
STOP_TIMEOUT = int(env.int("SERVER_STOP_TIMEOUT", default=60))
#: Whether who creates, rebuilds or rescues a server is told the password it was given.
SHOWS_PASSWORD = bool(env.bool("SERVER_SHOW_ADMIN_PASSWORD", default=True))
#: The image that servers are rescued with where no other is named; empty: the one they were made from.
RESCUE_IMAGE = env.str("SERVER_RESCUE_IMAGE", default="")
#: Seconds a shelved server stays on its host: 0, it leaves at once; -1, for ever.
SHELVED_OFFLOAD_TIME = int(env.int("SHELVED_OFFLOAD_TIME", default=0))
#: Seconds a deleted server can be restored; 0: it is gone at once.
RECLAIM_INTERVAL = int(env.int("RECLAIM_INSTANCE_INTERVAL", default=0))
USER_DATA_LIMIT = 65535
#: Servers that one request may ask for.
MAX_AT_ONCE = 1000
#: Tags of a server.
MAX_TAGS = 50
#: Seconds for which a guest's file systems are held still at most while its volumes are snapshotted.
FREEZE_SECONDS = min(600, max(1, int(env.int("VOLUME_FREEZE_SECONDS", default=30))))
#: Seconds for which the address of a console is good, and those after which who looks must ask anew.
CONSOLE_TOKEN_LIFE = int(env.int("CONSOLE_TOKEN_LIFE", default=600))
CONSOLE_SESSION = int(env.int("CONSOLE_SESSION", default=12 * 3600))
#: Bytes of one recording of a console and of all of a project's, and days for which they are kept.
RECORDING_BYTES = max(64 * 1024, int(env.int("CONSOLE_RECORDING_BYTES", default=8 * 1024**2)))
RECORDINGS_BYTES = max(
    RECORDING_BYTES, int(env.int("CONSOLE_RECORDINGS_BYTES", default=256 * 1024**2))
)
RECORDING_DAYS = max(1, int(env.int("CONSOLE_RECORDING_DAYS", default=30)))
#: Seconds a guest is given to let go of a volume before a detach fails.
DETACH_TIMEOUT = int(env.int("VOLUME_DETACH_TIMEOUT", default=60))
#: Seconds a guest is given to let go of a network card before a detach fails.
INTERFACE_DETACH_TIMEOUT = int(env.int("INTERFACE_DETACH_TIMEOUT", default=60))
#: Whether a resize may stay on the server's host; where not, it needs another one.
RESIZE_TO_SAME_HOST = bool(env.bool("RESIZE_TO_SAME_HOST", default=True))
#: Seconds after which a resize that nobody decided is confirmed; 0: never.
RESIZE_CONFIRM_WINDOW = max(0, int(env.int("RESIZE_CONFIRM_WINDOW", default=0)))
#: So many servers are moved at once off each host that is drained.
DRAIN_AT_ONCE = max(1, int(env.int("DRAIN_AT_ONCE", default=2)))
#: So many servers go off each host, and so many come to it, live at once; the others wait. 0: any number.
LIVE_AT_ONCE = max(0, int(env.int("MAX_CONCURRENT_LIVE_MIGRATIONS", default=1)))
#: How a live migration ends (docs/live-migration.md): seconds for each GiB of memory and of disks that are
#: copied until its last means is taken, which is to hold the guest still or to leave it where it is.
LIVE_SECONDS_PER_GIB = max(1, int(env.int("LIVE_MIGRATION_SECONDS_PER_GIB", default=300)))
LIVE_TIMEOUT_ACTION = env.str("LIVE_MIGRATION_TIMEOUT_ACTION", default="force_complete")
#: Milliseconds a guest may be held still at first and at last, and in how many steps that is raised.
LIVE_DOWNTIME = max(1, int(env.int("LIVE_MIGRATION_DOWNTIME", default=500)))
LIVE_MOST_DOWNTIME = max(1, int(env.int("LIVE_MIGRATION_MOST_DOWNTIME", default=4000)))
LIVE_STEPS = max(1, int(env.int("LIVE_MIGRATION_DOWNTIME_STEPS", default=5)))
LIVE_STEP_SECONDS = max(1, int(env.int("LIVE_MIGRATION_STEP_SECONDS", default=10)))
#: MiB a second that one guest's migration takes at most; 0 is without limit.
LIVE_BANDWIDTH = max(0, int(env.int("LIVE_MIGRATION_BANDWIDTH", default=0)))
#: Whether a guest may run on its new host before all of its memory is there: what dies then is lost.
LIVE_POST_COPY = bool(env.bool("LIVE_MIGRATION_POST_COPY", default=False))
