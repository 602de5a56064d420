"""The WSGI entry point of the API, dashboard and admin."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from cloudweb.api.chunked import ChunkedBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.control")
application = ChunkedBodies(get_wsgi_application(), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
