"""Bodies in and out: JSON, in one exact form (docs/api/v0.md, sections 0 and 3)."""

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
    """DRF's request, with a body of any framing and encoding under EVENTLANE_MAX_REQUEST_BYTES.

    DRF takes a chunked body, which names no length, for an empty one.
    """

    def _load_stream(self) -> None:
        try:
            self._stream = io.BytesIO(read_body(self.META, settings.EVENTLANE_MAX_REQUEST_BYTES))
        except BodyTooLarge as error:
            raise RequestTooLarge(f"The {error}.") from None
        except BadBody as error:
            raise MalformedRequestBody(str(error)) from None

    def forget_body(self) -> None:
        """Let the body go, as it was sent and as objects; nobody may ask for it any more."""
        self._stream = io.BytesIO()
        self._data = self._full_data = None


class JsonParser(BaseParser):
    """Reads any body as JSON, whatever Content-Type says. An empty body is an object without members."""

    media_type = "*/*"
    decode: Callable[[str], Any] = staticmethod(msgspec.json.Decoder().decode)

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the decoded body; raise MalformedRequestBody when it isn't JSON in UTF-8."""
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
    """Keeps all digits of numbers, for bodies whose values are shown again."""

    decode = staticmethod(exact_numbers.decode)


class JsonRenderer(BaseRenderer):
    """Writes JSON. A msgspec.Raw goes out to the byte as it is: events are shown as they were sent."""

    media_type = JSON
    format = "json"
    charset = None  # DRF would append it to the Content-Type, which two published clients compare as a whole

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes; none at all for None, upon which DRF drops the Content-Type."""
        return b"" if data is None else exact_numbers.encode(data)
