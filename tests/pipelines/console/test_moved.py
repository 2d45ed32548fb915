"""Addresses of earlier releases lead to the pages of today."""

import pytest

from tests.console import logged_in
from tests.factories import make_house

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", ["pipeline", "command", "trigger", "platformevent", "resource", "hook", "identity"])
def test_old_address_leads_to_the_page(page: str) -> None:
    client = logged_in(make_house("acme", "alice").admin)
    response = client.get(f"/console/projects/{page}/?q=a%20b&q=%2F")
    assert (response.status_code, response["Location"]) == (308, f"/console/pipelines/{page}/?q=a%20b&q=%2F")
    assert client.get(f"/console/projects/{page}/", follow=True).status_code == 200


def test_pages_of_projects_stay_where_they_are() -> None:
    client = logged_in(make_house("acme", "alice").admin)
    assert client.get("/console/projects/project/").status_code == 200
