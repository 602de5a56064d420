"""``python -m cloudweb.server``: the API, dashboard and admin on the address LISTEN."""

from __future__ import annotations

import os
import sys

from cloudweb.conf import listen_address, var_dir
from cloudweb.imports import leave_out
from cloudweb.server.limits import limits


def main() -> int:
    """Serve; return the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.control")
    try:
        host, port = listen_address()
        allowed = limits()
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    leave_out()
    from cloudweb.server.serving import listen, serve
    from cloudweb.wsgi import application

    try:
        sock = listen(host, port)
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {host} port {port}: {error.strerror}.\n")
        return 1
    serve(application, sock=sock, limits=allowed, spool=var_dir() / "run" / "spool")
    return 0


if __name__ == "__main__":
    sys.exit(main())
