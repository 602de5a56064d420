"""Celery's configuration, read when the application first needs it: without Django, for hosts have none."""

from __future__ import annotations

import itertools
import os
import re
import sys
from typing import Any

from cloudweb import conf
from cloudweb.broker import check_broker
from cloudweb.topics import is_host_topic


def _transport_options() -> dict[str, Any]:
    """Give each host bookkeeping keys of its own, so that a host's broker user needs no others."""
    name = os.environ.get("CLOUDWEB_HOST", "")
    for flag, value in itertools.pairwise(sys.argv):
        if flag in ("-Q", "--queues") and is_host_topic(value.split(",")[0]):
            name = value.split(",")[0].partition(".")[2]
        if flag == "--host":
            name = value
    prefix = f"{name}:" if re.fullmatch(r"[a-z0-9.-]+", name) else ""
    return {
        "priority_steps": [0],
        "unacked_key": f"{prefix}unacked",
        "unacked_index_key": f"{prefix}unacked_index",
        "unacked_mutex_key": f"{prefix}unacked_mutex",
        "visibility_timeout": 3600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "retry_on_timeout": True,
    }


broker_url = check_broker(conf.broker_url())
broker_transport_options = _transport_options()
broker_connection_retry = True
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 2
broker_pool_limit = 8
task_ignore_result = True
task_store_errors_even_if_ignored = False
task_serializer = "json"
accept_content = ["json"]
task_default_queue = "conductor"
task_send_sent_event = False
worker_send_task_events = False
worker_enable_remote_control = False
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_pool = "threads"
worker_concurrency = 4
worker_prefetch_multiplier = 4
worker_cancel_long_running_tasks_on_connection_loss = False
enable_utc = True
