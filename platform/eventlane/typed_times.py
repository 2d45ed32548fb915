"""Times that people type into forms: they mean the zone that stands beside the field, which the form sends along.

So a time doesn't shift if somebody chooses another zone on another page before the form is sent.
"""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from eventlane.times import find_zone
from eventlane.zone_choice import local, zone_name


class TypedTimeWidget(UnfoldAdminSplitDateTimeWidget):
    """Date, time, and the zone."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        """Add the zone to Unfold's widget."""
        super().__init__(attrs)
        self.widgets.append(forms.HiddenInput())
        self.widgets_names.append("_2")

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Add the zone below Unfold's inputs."""
        inputs = super().render(name, value, attrs, renderer)
        zone = self.get_context(name, value, attrs)["widget"]["subwidgets"][2]
        said = '{}<p class="ev-note">In the time zone {}<input type="hidden" name="{}" value="{}"></p>'
        return format_html(said, inputs, zone["value"], zone["name"], zone["value"])

    def decompress(self, value: Any) -> list[Any]:
        """Return the parts of a time in the chosen zone, or of one that has none there, in UTC."""
        if not value:
            return [None, None, zone_name()]
        shown = local(value)
        return [shown.date(), shown.time(), str(shown.tzinfo)]


class TypedTimeField(forms.SplitDateTimeField):
    """A date and a time in the zone that the form was shown in."""

    widget = TypedTimeWidget

    def __init__(self, **options: Any) -> None:
        """Add the zone to Django's field."""
        super().__init__(**options)
        self.fields = (*self.fields, forms.CharField(required=False))

    def compress(self, data_list: Any) -> datetime | None:
        """Return the time; raise ValidationError for half of one, and for one that doesn't exist in its zone."""
        day, clock, zone = data_list or (None, None, None)
        if not day and not clock:
            return None
        with timezone.override(find_zone(zone) or timezone.get_current_timezone()):
            found = super().compress((day, clock))  # type: ignore[arg-type]  # it says what is missing
        try:
            return found and found.astimezone(UTC)
        except OverflowError:
            raise ValidationError("There is no such time in UTC.") from None
