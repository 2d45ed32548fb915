"""A form for a command's parameters. Values are checked by the same code as in the API."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import escape
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from eventlane.wire.errors import Problem

PREFIX = "parameter-"
POINTER = "/parameters"
LEAST, MOST = -(2**53), 2**53  # integers that all programs read alike
EITHER = [("", "Choose"), ("true", "true"), ("false", "false")]


class NumberField(forms.FloatField):
    """A number that stays an integer if it was written as one: 7 is 7, not 7.0."""

    def to_python(self, value: Any) -> Any:
        """Return the number, or None."""
        number = super().to_python(value)
        text = str(value).strip()
        is_whole = number is not None and text.lstrip("+-").isdecimal() and LEAST <= number <= MOST
        return int(text) if is_whole else number

    def validate(self, value: Any) -> None:
        """Refuse what JSON can't express."""
        if isinstance(value, float) and not math.isfinite(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        forms.Field.validate(self, value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Let browsers accept any number."""
        return {"step": "any"}


class CommandForm(forms.Form):
    """The values of a command's parameters."""

    def __init__(self, parameters: Sequence[Mapping[str, Any]], data: Any = None) -> None:
        super().__init__(data)
        self.parameters = parameters
        for parameter in parameters:
            self.fields[PREFIX + parameter["name"]] = _field(parameter)

    def values(self) -> dict[str, Any]:
        """Return the values of a valid form by parameter; an empty number counts as not given."""
        given = {parameter["name"]: self.cleaned_data[PREFIX + parameter["name"]] for parameter in self.parameters}
        return {name: _as_typed(value) for name, value in given.items() if value is not None}

    def tell(self, problems: Sequence[Problem]) -> None:
        """Show the problems of an execution at their fields, or above the form."""
        for problem in problems:
            field = PREFIX + problem.pointer.removeprefix(f"{POINTER}/")
            self.add_error(
                field if field in self.fields else None, f"{problem.reason[:1].upper()}{problem.reason[1:]}."
            )


def _as_typed(value: Any) -> Any:
    """Return a text with the line ends as typed; browsers send others."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _field(parameter: Mapping[str, Any]) -> forms.Field:
    is_given = "default" in parameter
    options = {
        "label": parameter["name"],
        "help_text": escape(parameter.get("description") or ""),  # Unfold doesn't escape help texts
        "initial": parameter.get("default"),
        "required": not is_given,
    }
    match parameter["type"]:
        case "boolean" if is_given:
            return forms.BooleanField(**options | {"required": False}, widget=UnfoldBooleanSwitchWidget)
        case "boolean":
            return forms.TypedChoiceField(
                **options, choices=EITHER, coerce="true".__eq__, empty_value=None, widget=UnfoldAdminSelectWidget
            )
        case "integer":
            return forms.IntegerField(**options, min_value=LEAST, max_value=MOST, widget=UnfoldAdminIntegerFieldWidget)
        case "number":
            return NumberField(**options, widget=UnfoldAdminDecimalFieldWidget)
    if "values" in parameter:
        return _choice(parameter["values"], options)
    return forms.CharField(**options, strip=False, empty_value="", widget=_text_widget(parameter))


def _choice(values: Sequence[str], options: Mapping[str, Any]) -> forms.ChoiceField:
    offered = [(value, value or "(empty)") for value in values]
    if options["required"]:
        offered.insert(0, ("", "Choose"))
    return forms.ChoiceField(**options, choices=offered, widget=UnfoldAdminSelectWidget)


def _text_widget(parameter: Mapping[str, Any]) -> forms.Widget:
    if "\n" in str(parameter.get("default", "")):
        return UnfoldAdminTextareaWidget(attrs={"rows": 6})
    return UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
