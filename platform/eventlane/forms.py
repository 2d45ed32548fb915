"""Django's ModelForm as a base: type checkers want its model named in brackets, which fails at run time."""

from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm
