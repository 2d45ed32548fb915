"""Pages that create something start the same, whatever their address contains."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from tests.console import logged_in
from tests.factories import House, make_house

pytestmark = pytest.mark.django_db

NASTY = ("a", "", "-1", "1e999", "NaN", "[]", "2026-13-45", "9999-12-31T23:59:59-23:00", "%ff", "%ed%a0%80", "a" * 5000)
OTHERS = ("password1", "field_key", "_popup", "_changelist_filters")


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_form_starts_with_nothing_of_its_address(model: type[Model], house: House) -> None:
    alice = logged_in(house.admin)
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    names = [*(field.name for field in model._meta.get_fields()), *OTHERS]
    kind = "kind=generic/api_key&"  # of identities; others pass over it
    status = alice.get(f"{path}?{kind}").status_code
    assert status in (200, 403)  # some are only made by deploying or sending
    assert alice.get(f"{path}?{kind}_to_field=a").status_code in (400, 403)
    for value in NASTY:
        response = alice.get(f"{path}?{kind}{'&'.join(f'{name}={value}' for name in names)}")
        assert response.status_code == status, value
        if status == 200 and "adminform" in response.context:
            assert not set(response.context["adminform"].form.initial.values()) & {value}
