"""The one-time work before the cloud serves: ``manage.py prepare`` in a process of its own."""

from __future__ import annotations

import sys

from cloudweb import process
from cloudweb.conf import ROOT, var_dir
from cloudweb.supervisor.output import Output
from cloudweb.supervisor.preflight import CannotStart


def prepare() -> None:
    """Migrate and fill the database, write clouds.yaml and the banner. Raises CannotStart."""
    output = Output("prepare", var_dir() / "log" / "prepare.log", echo=True)
    running, pipe = process.start_watched(sys.executable, str(ROOT / "manage.py"), "prepare")
    reader = output.follow(pipe)
    code = running.wait()
    reader.join(5)
    if code:
        raise CannotStart(
            f"The preparation did not succeed (see above; the whole of it is in {output.path})."
        )
