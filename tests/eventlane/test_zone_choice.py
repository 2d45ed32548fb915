"""The zone of the console: what a cookie may say, and how times look in it."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from eventlane.times import format_time
from eventlane.zone_choice import COOKIE, in_chosen_zone, local_text, zone_name, zoned_clock, zoned_text
from projects.api_keys import issue_api_key
from projects.password_links import make_password_link
from tests.console import logged_in
from tests.factories import make_house

JULY, WINTER = datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC), datetime(2026, 1, 1, 22, 30, 5, tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC, microsecond=0)


def answer(zone: str) -> str:
    """Return what a view shows to a browser with this cookie."""
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = zone

    @in_chosen_zone
    def view(request: HttpRequest) -> HttpResponse:
        times = (zoned_text(JULY), zoned_text(WINTER, "minutes"), zoned_clock(JULY), local_text(JULY))
        return HttpResponse(f"{zone_name()}: {', '.join(times)}")

    return view(request).content.decode()


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "UTC: 2026-07-01 22:30:05 UTC, 2026-01-01 22:30 UTC, 22:30:05 UTC, 2026-07-01 22:30:05"),
        ("Asia/Tokyo", "Asia/Tokyo: 2026-07-02 07:30:05 JST, 2026-01-02 07:30 JST, 07:30:05 JST, 2026-07-02 07:30:05"),
        ("Cuba", "Cuba: 2026-07-01 18:30:05 CDT, 2026-01-01 17:30 CST, 18:30:05 CDT, 2026-07-01 18:30:05"),
        # as browsers call it: what they are told is compared with that
        ("Etc/GMT-5", "Etc/GMT-5: 2026-07-02 03:30:05 +05, 2026-01-02 03:30 +05, 03:30:05 +05, 2026-07-02 03:30:05"),
    ],
)
def test_times_are_shown_in_the_zone_of_the_cookie(zone: str, shown: str) -> None:
    assert answer(zone) == shown
    assert zone_name() == "UTC"  # for the next request of the thread


@pytest.mark.parametrize(
    "zone", ["nowhere", "../../etc/passwd", "/etc/localtime", "", "\0", "\u00e9", "Europe", "x" * 9999]
)
def test_zone_that_does_not_exist_is_utc(zone: str) -> None:
    assert answer(zone) == answer("UTC")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_the_last_time_there_is_can_be_shown(zone: str) -> None:
    with timezone.override(zone):
        assert zoned_text(LAST) in ("9999-12-31 23:59:59 UTC", "9999-12-31 18:59:59 EST")


@pytest.mark.django_db
def test_pages_name_the_zone_and_offer_the_other_except_after_a_form() -> None:
    alice = logged_in(make_house("acme", "alice").admin)
    alice.cookies[COOKIE] = "Asia/Kolkata"
    path = "/console/projects/project/add/"
    page = alice.get(path).content.decode()
    assert 'data-zone="Asia/Kolkata"' in page and "eventlane/zone_choice.js" in page
    answered = alice.post(path, {"name": ""}).content.decode()  # to load it anew would send the form again
    assert "data-zone" not in answered and ">Asia/Kolkata<" in answered
    assert "data-zone" not in alice.get("/console/no/such/page/").content.decode()


@pytest.mark.django_db
def test_pages_without_a_login_and_the_api_do_not_follow_the_cookie() -> None:
    house = make_house("acme", "alice")
    browser = Client()
    browser.cookies[COOKIE] = "Asia/Kolkata"
    link = urlsplit(make_password_link(house.admin).url).path
    for path in ("/console/login/", link):
        page = browser.get(path, follow=True)
        assert page.status_code == 200 and "data-zone" not in page.content.decode()
    _, secret = issue_api_key(account=house.admin, name="reader", rights=["read"])
    answer = browser.get(f"/v0/projects/id/{house.project.pk}", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200 and "+05:30" not in answer.content.decode()
    assert format_time(house.project.creation_time) in answer.content.decode()
