"""JSON bodies, in and out, in one exact form (docs/api/v0.md, sections 0 and 3)."""

import io
from collections.abc import Callable, Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from eventlane import exact_numbers
from eventlane.wire.body import BadBody, BodyTooLarge, read_body
from eventlane.wire.errors import JSON, MalformedRequestBody, RequestTooLarge
from eventlane.wire.values import hold_of, take_room_for_values


class ApiRequest(Request):
    """DRF's request, but it accepts any framing and encoding, up to EVENTLANE_MAX_REQUEST_BYTES.

    DRF would take a chunked body, which has no Content-Length, for an empty one.
    """

    def _load_stream(self) -> None:
        try:
            self._stream = io.BytesIO(read_body(self.META, settings.EVENTLANE_MAX_REQUEST_BYTES))
        except BodyTooLarge as error:
            raise RequestTooLarge(f"The {error}.") from None
        except BadBody as error:
            raise MalformedRequestBody(str(error)) from None

    def forget_body(self) -> None:
        """Drop the body and what was parsed from it, to free the memory. Nothing may read it afterwards."""
        self._stream = io.BytesIO()
        self._data = self._full_data = None


class JsonParser(BaseParser):
    """Reads any body as JSON, whatever its Content-Type. An empty body counts as an empty object."""

    media_type = "*/*"
    decode: Callable[[str], Any] = staticmethod(msgspec.json.Decoder().decode)

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the decoded body; raise MalformedRequestBody if it isn't JSON in UTF-8."""
        body = stream.read()
        if not body.strip(b" \t\r\n"):
            return {}
        take_room_for_values(body, hold_of(parser_context["request"].META if parser_context else {}))
        try:
            return self.decode(body.decode())
        except RecursionError:
            raise MalformedRequestBody("the JSON is nested too deeply") from None
        except ValueError as error:  # msgspec's DecodeError and UnicodeDecodeError are ValueErrors
            raise MalformedRequestBody(f"not valid JSON: {error}") from None


class ExactJsonParser(JsonParser):
    """Keeps every digit of a number, for bodies whose values are shown again."""

    decode = staticmethod(exact_numbers.decode)


class JsonRenderer(BaseRenderer):
    """Writes JSON. A msgspec.Raw is written byte for byte: events are shown exactly as they were sent."""

    media_type = JSON
    format = "json"
    charset = None  # DRF would append it to the Content-Type, and two published clients compare the whole header

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes. For None there are none, and DRF drops the Content-Type."""
        return b"" if data is None else exact_numbers.encode(data)
