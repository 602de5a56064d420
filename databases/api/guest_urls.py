"""What the agents of databases ask, under /metadata/openstack/database."""

from django.urls import path

from databases.api.guests import enrol, program, word

urlpatterns = [
    path("enrol", enrol),
    path("agent.<str:part>", program),
    path("<str:kind>", word),
]
