"""The process of the writer: one on each machine of the control plane, of which one writes."""

from __future__ import annotations

import signal
import threading

from cloudweb.pulse import pulse
from network.ovn import conf, tls
from network.ovn.northbound import Northbound
from network.ovn.writer import Writer

PART = "ovn"


def run() -> None:
    """Write until told to stop."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        tls.use(conf.NORTHBOUND)
    except tls.TlsUnusable as error:
        raise SystemExit(error.message) from error
    northbound = Northbound(conf.NORTHBOUND)
    progress = pulse()
    progress.part(PART)
    progress.ready()
    try:
        Writer(northbound).run(over, on_look=lambda: progress.beat(PART))
    finally:
        northbound.close()
