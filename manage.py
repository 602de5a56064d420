#!/usr/bin/env python
"""Django's command line; the topic of a service decides whether the process gets a database."""

import os
import sys

from cloudweb.topics import settings_module_for

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module_for(sys.argv))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
