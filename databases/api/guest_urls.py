"""What the agents of databases ask, under /metadata/openstack/database."""

from django.urls import path

from databases.api.dumps import part, piece
from databases.api.guests import enrol, program, word

urlpatterns = [
    path("enrol", enrol),
    path("agent.<str:part>", program),
    path("dumps/log/<uuid:archive_id>/<int:number>/<str:signature>", piece),
    path("dumps/<uuid:backup_id>/<int:number>/<str:signature>", part),
    path("<str:kind>", word),
]
