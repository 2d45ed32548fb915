"""Model fields shared by the apps."""

from typing import Any

from django.db import models

from eventlane.ids import LENGTH, new_id


class IdField(models.CharField):
    """A KSUID primary key. Collation "C" makes PostgreSQL sort it by bytes, as KSUIDs are meant to be."""

    def __init__(self, **options: Any) -> None:
        fixed = {"max_length": LENGTH, "default": new_id, "editable": False, "primary_key": True, "db_collation": "C"}
        super().__init__(**(options | fixed))
