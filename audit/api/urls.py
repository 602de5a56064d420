"""Routes of the audit log: one flat table, under /audit."""

from django.urls import path

from audit.api.records import RecordViewSet

urlpatterns = [
    path("/v1/records", RecordViewSet.as_view({"get": "list"})),
    path("/v1/records/<str:record_id>", RecordViewSet.as_view({"get": "retrieve"})),
]
