"""The WSGI entry point of the API, dashboard and admin; cloudweb/server calls it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.control")
application = get_wsgi_application()
