"""The two kinds of serializers, for what a route takes and for what it shows, and the fields they share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.settings import api_settings

from eventlane.ids import SIMPLE_PATTERN, is_id
from eventlane.names import NAME, validate_name
from eventlane.times import format_time, read_time

WHOLE = api_settings.NON_FIELD_ERRORS_KEY  # DRF's name for errors of the object itself


class RequestBody(serializers.Serializer[Any]):
    """What a route takes. A null member counts as absent, an unknown one is an error (docs/api/v0.md, section 2.0)."""

    data: Any  # a member of this name takes precedence over DRF's property
    needs_a_member = False  # whether to refuse a body without any of its members, all optional texts

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the validated members; raise a ValidationError with all problems, not only the first."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({WHOLE: ["must be a JSON object"]})
        given = {member: value for member, value in data.items() if value is not None}
        values, errors = self._validate_members(given)
        whole = [f"member {member[:100]!r} is unknown" for member in given if member not in self.fields]
        whole += self.check_together(given, values)
        if errors or whole:
            raise serializers.ValidationError(errors | ({WHOLE: whole} if whole else {}))
        return values

    def check_together(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
        """Return problems between members: `given` has everything that was sent, `values` only the valid members."""
        return []

    def _validate_members(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the valid members by name, and the errors of the rest."""
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, field in self.fields.items():
            try:
                value = field.run_validation(given.get(name, serializers.empty))
                check = getattr(self, f"validate_{name}", None)
                values[name] = check(value) if check else value
            except serializers.ValidationError as error:
                errors[name] = error.detail
            except serializers.SkipField:
                pass  # optional, and absent
        return values, errors


_representations: dict[type, "Representation"] = {}


class Representation(serializers.Serializer[Any]):
    """What a route shows. A member without a value is left out instead of null (docs/api/v0.md, section 2.0)."""

    data: Any  # members with these names take precedence over DRF's meaning
    label: Any

    @classmethod
    def show(cls, instance: Any) -> dict[str, Any]:
        """Return the wire form of an instance.

        One serializer per class serves all requests: creating one copies every field, which takes longer than its work.
        """
        shared = _representations.get(cls) or _representations.setdefault(cls, cls())
        return shared.to_representation(instance)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the members that have a value."""
        shown = super().to_representation(instance)
        return {member: value for member, value in shown.items() if value is not None}


class TextField(serializers.CharField):
    """Text, kept exactly as sent. It must be a JSON string: DRF would accept a number, and trim the text."""

    default_error_messages = {"invalid": "must be a string", "blank": "must not be empty"}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    @property
    def openapi(self) -> dict[str, Any]:
        """Its JSON schema. PostgreSQL can't store a NUL in text."""
        schema: dict[str, Any] = {"type": "string", "pattern": r"^[^\u0000]*$"}
        if not self.allow_blank:
            schema["minLength"] = 1
        return schema | ({"maxLength": self.max_length} if self.max_length else {})

    def to_internal_value(self, data: Any) -> str:
        """Return the text; refuse anything but a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class IdField(TextField):
    """A KSUID."""

    openapi = {"type": "string", "format": "ksuid", "pattern": f"^{SIMPLE_PATTERN}$"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(_check_id)


class NameField(TextField):
    """A name that follows the platform's rule."""

    openapi = {"type": "string", "pattern": f"^{NAME.pattern}$"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(validate_name)


class TimeField(serializers.Field[Any, Any, Any, Any]):
    """A time: shown in UTC with whole seconds, read from any RFC 3339 text (docs/api/v0.md, section 3)."""

    openapi = {"type": "string", "format": "date-time"}

    default_error_messages = {"invalid": "must be a date like 2021-10-15T15:07:39Z"}

    def to_internal_value(self, data: Any) -> datetime:
        """Return the time in UTC; the fraction of a second is dropped."""
        moment = read_time(data) if isinstance(data, str) else None
        if moment is None:
            raise serializers.ValidationError(self.error_messages["invalid"])
        return moment

    def to_representation(self, value: datetime) -> str:
        """Return the time as the API writes it."""
        return format_time(value)


def _check_id(text: str) -> None:
    if not is_id(text):
        raise serializers.ValidationError("must be an identifier")
