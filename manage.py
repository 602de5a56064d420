#!/usr/bin/env python
"""Django's command line; the topic of a service decides whether the process gets a database, or Django at all."""

import os
import sys

from cloudweb.imports import leave_out
from cloudweb.topics import AGENT_SETTINGS, settings_module_for

if __name__ == "__main__":
    settings = settings_module_for(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    if sys.argv[1:2] == ["service"]:
        leave_out()
        if settings == AGENT_SETTINGS:
            from cloudweb.service import main

            sys.exit(main(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
