"""An alert that begins and ends, as somebody on call follows it: by mail and webhook, in the console, in Explore."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from projects.models import Account
from tests.browser import browser, faultless_page  # noqa: F401  (fixture)
from tests.console import logged_in
from tests.events.alerts.conftest import BY_SERVICE, Watch, send
from tests.events.alerts.receivers import MailServer, WebServer
from tests.events.lake.conftest import Node
from tests.factories import make_account
from tests.pipelines.resources.samples import channel


@pytest.fixture(scope="module")
def same_thread() -> Iterator[None]:
    """Let the test ask the database although the browser's event loop runs in its thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def page(same_thread: None, browser: Browser, node: Node, port: int, settings: Any) -> Iterator[Page]:  # noqa: F811
    """Return a page of an administrator, with this process as its server."""
    settings.EVENTLANE_PUBLIC_URL = url = f"http://127.0.0.1:{port}"
    alice = make_account(node.dataset.project.organization, "alice", role=Account.Role.ADMIN)
    session = logged_in(alice).cookies[settings.SESSION_COOKIE_NAME].value
    with faultless_page(browser, url) as page:
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        yield page


def test_alert_fires_and_ends(page: Page, watch: Watch, web: WebServer, mail: MailServer, settings: Any) -> None:
    hook, people = channel("hook", kind="webhook", url=web.url()), channel("people")
    errors = watch(hook, people, query=BY_SERVICE, threshold="> 1", channels=["hook", "people"])
    errors.send("api", "api", "web")
    errors.evaluate()
    assert send() == 2

    page.goto(f"{settings.EVENTLANE_PUBLIC_URL}/console/")
    expect(page.get_by_role("link", name="1 alert firing")).to_be_visible()
    page.locator("#alerts").get_by_role("link", name="many-errors").click()
    expect(page.get_by_role("heading", name=re.compile("Alert many-errors firing", re.I))).to_be_visible()
    expect(section(page, "Wrong now")).to_contain_text("service api: 2")
    expect(section(page, "History").locator("tbody tr")).to_have_count(1)
    expect(section(page, "History")).to_contain_text(
        re.compile(r"Began\s*service api: 2\s*hook\s*Sent\s*people\s*Sent")
    )

    section(page, "History").get_by_title("Explore that moment").click()
    expect(page.locator(".ev-groups tbody tr")).to_have_text([re.compile(r"api\s+2"), re.compile(r"web\s+1")])
    at_that_moment = page.url.removeprefix(settings.EVENTLANE_PUBLIC_URL)

    errors.evaluate(timedelta(hours=1))
    assert send() == 2
    page.goto(f"{settings.EVENTLANE_PUBLIC_URL}/console/events/alert/")
    page.get_by_role("row", name=re.compile("many-errors.*ok", re.I)).get_by_role("link", name="many-errors").click()
    expect(page.get_by_role("heading", name="Wrong now")).to_have_count(0)
    rows = section(page, "History").locator("tbody tr")
    expect(rows).to_have_text([re.compile("Ended.*service api"), re.compile("Began.*service api: 2")])

    assert [json.loads(body)["kind"] for _, _, body in web.received] == ["began", "ended"]
    first, second = (text.replace("=\n", "").replace("=3D", "=") for _, text in mail.received)
    assert at_that_moment in first and "OK: many-errors" in second


def section(page: Page, heading: str) -> Any:
    return page.locator("section", has=page.get_by_role("heading", name=heading))
