"""POST /v0/query/export: all events that match, as a file (docs/query.md)."""

from time import time_ns

from django.http import FileResponse
from rest_framework.request import Request

from eventlane.api.content import ExactJsonParser
from eventlane.api.operation import Operation
from events.access import find_datasets
from events.api.queries import ERRORS
from events.api.query_schema import QUERY
from events.query.model import SELECTING
from projects.api.viewsets import ProjectObjectViewSet

TYPES = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
MAX_WARNINGS = 4000  # characters of the header
BODY = QUERY | {
    "properties": {name: QUERY["properties"][name] for name in SELECTING}
    | {"format": {"type": ["string", "null"], "enum": [*TYPES, None], "description": "Default: `ndjson`."}},
}


class ExportsViewSet(ProjectObjectViewSet):
    """Files of events."""

    parser_classes = (ExactJsonParser,)
    rights = {"export": "read"}
    operations = {
        "export": Operation(
            body=BODY,
            reply_types=tuple(TYPES.values()),
            errors=ERRORS | {503: (*ERRORS[503], "no_disk_space")},
        )
    }

    def export(self, request: Request) -> FileResponse:
        """Return all events that match, in no order, as lines of JSON or as a Parquet file.

        The reply begins once all of them are found. If something couldn't be read, the header `X-Warnings` says what.
        """
        # Imported here: DuckDB and Arrow cost 0.3 s and 60 MB, which processes without queries don't need.
        from events.lake.slots import slots
        from events.query.export import export, new_export_file, read_export

        query, chosen = read_export(request.data, now_us=time_ns() // 1000)
        datasets = find_datasets(self.project, query.datasets)
        file = new_export_file()
        try:
            statistics = slots.run(lambda lake: export(lake, datasets, query, chosen, file), self.api_key.pk)
        except BaseException:
            file.close()
            raise
        response = FileResponse(file, content_type=TYPES[chosen], filename=f"events.{chosen}", as_attachment=True)
        if statistics.warnings:
            shown = "; ".join(statistics.warnings).encode("ascii", "backslashreplace").decode()
            response["X-Warnings"] = shown[:MAX_WARNINGS]
        return response
