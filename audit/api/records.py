"""/audit/v1/records: the audit log, to read."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers.records import RecordList, RecordQuery, ShownRecord, record_body
from audit.manager import RecordManager
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.views import ServiceViewSet

PARAMETERS = [
    *(
        OpenApiParameter(name, str, description=field.description or "")
        for name, field in RecordQuery.model_fields.items()
    ),
    OpenApiParameter("limit", int, description="rows of a page, at most 1000"),
    OpenApiParameter("marker", str, description="id of the last record of the page before"),
]


class RecordViewSet(ServiceViewSet):
    """Who changed what, from where, and how it ended."""

    manager = RecordManager

    @extend_schema(
        operation_id="audit_records_list", parameters=PARAMETERS, responses={200: RecordList}
    )
    def list(self, request: Request) -> Response:
        """List the records of the caller's project, newest first."""
        query = request.query_params.dict()
        limit, marker = parse_limit(query.pop("limit", None)), query.pop("marker", None)
        wanted = self.validated(RecordQuery, query).to_filter()
        page = RecordManager(self.context).list(wanted, limit=limit, marker=marker)
        records = [record_body(row) for row in page.rows]
        return Response({"records": records, **links_after(request, "records", page, "id")})

    @extend_schema(operation_id="audit_records_show", responses={200: ShownRecord})
    def retrieve(self, request: Request, record_id: str) -> Response:
        """Show one record."""
        return Response({"record": record_body(RecordManager(self.context).get(record_id))})
