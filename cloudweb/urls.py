"""The map of the product: one flat table from URL to code.

A trailing slash is ignored under every service (``cloudweb/api/middleware.py``), so no pattern here
or in an app's ``api/urls.py`` ends in one.
"""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from cloudweb.api.schema_document import download
from cloudweb.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("identity", include("identity.api.urls")),  # /identity, /identity/v3/...
    path("compute", include("instances.api.urls")),  # /compute, /compute/v2.1/servers ...
    path("compute", include("compute.api.urls")),  # /compute/v2.1/flavors, os-hypervisors ...
    path("network", include("network.api.urls")),
    path("image", include("image.api.urls")),
    path("volume", include("volume.api.urls")),
    path("database", include("databases.api.urls")),
    path("audit", include("audit.api.urls")),  # /audit/v1/records
    path("api/schema/download", download, name="schema"),
    path("api/schema/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="swagger"),
    path("admin/", admin.site.urls),
    path("metadata/openstack/database/", include("databases.api.guest_urls")),
    path("metadata", include("instances.api.guest_urls")),  # guests, through their host's proxy
    path("", include("dashboard.urls")),
]

handler400 = "dashboard.views.errors.malformed"
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.missing"
handler500 = "dashboard.views.errors.broken"
