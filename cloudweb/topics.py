"""Topics: the queues by which control plane and hosts reach each other.

Read before Django starts, so that a host's process never loads a model.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

CONTROL = ("conductor", "scheduler", "taskmanager")
#: What a host may have, in the order in which its agents start (networks and volumes before guests),
#: and what builds each: a function of ``host`` and ``directory``.
HOST_DOMAINS = {
    "network": "network.hosting.build_agent",
    "volume": "volume.hosting.build_agent",
    "compute": "compute.hosting.build_agent",
}
#: What hosts say: replies and answers, and apart from them reports, which must not wait behind those.
INBOX = "inbox"
REPORTS = "inbox.reports"
#: Whose operation should be looked at; control workers alone read and write it.
DOORBELL = "doorbell"
AGENT_SETTINGS = "cloudweb.settings.agent"
HOST_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


def host_topic(domain: str, host: str) -> str:
    """Return ``compute.h1``; raise ValueError for a host name that could match another's queue."""
    if domain not in HOST_DOMAINS or not HOST_NAME.fullmatch(host):
        raise ValueError(f"no such topic: {domain!r} on host {host!r}")
    return f"{domain}.{host}"


def is_host_topic(topic: str) -> bool:
    """Tell whether a queue is a host's."""
    return topic.partition(".")[0] in HOST_DOMAINS


def settings_module_for(argv: Sequence[str]) -> str:
    """Return the settings a command line needs: a host's services get the agent's, all else control's."""
    words = [
        part for word in argv[1:] for part in (word.split("=", 1) if word[:1] == "-" else [word])
    ]
    if words[:1] == ["service"]:
        named = [
            word
            for before, word in itertools.pairwise(words)
            if not word.startswith("-") and before != "--host"
        ]
        domains = named[0].split(",") if named else []
        if domains and all(name in (*HOST_DOMAINS, "host") for name in domains):
            return AGENT_SETTINGS
    for flag, value in itertools.pairwise(words):
        if flag in ("-Q", "--queues") and all(is_host_topic(queue) for queue in value.split(",")):
            return AGENT_SETTINGS
    return "cloudweb.settings.control"
