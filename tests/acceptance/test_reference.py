"""The reference page in a real browser: everything /v0/openapi.json has, also without JavaScript."""

import json
import re
import subprocess

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import log_in
from tests.server import Server

URL = "/console/reference/"


def test_reference_is_reached_and_read(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/")
    page.get_by_role("link", name="API reference").click()
    expect(page).to_have_url(server.url + URL)
    summary = page.locator("#get_datasets_id_events > summary")
    summary.click()
    route = page.locator("#get_datasets_id_events")
    expect(route.get_by_text("too_many_queries")).to_be_visible()
    route.get_by_role("link", name="Event", exact=True).click()
    expect(page.locator("#object-Event")).to_be_in_viewport()


@pytest.mark.parametrize("width", [360, 1280])
def test_reference_fits_the_window(page: Page, server: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server.url + URL)
    page.evaluate("document.querySelectorAll('details').forEach(route => { route.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reference_without_scripts(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, server, server.password)
    page.goto(server.url + URL)
    page.locator("#post_datasets > summary").click()
    expect(page.locator("#post_datasets pre")).to_be_visible()
    context.close()


def test_examples_work_as_they_stand(page: Page, server: Server) -> None:
    """With the variables of the shell set, the curl lines send what the server takes."""
    page.goto(server.url + URL)
    key = server.manage("create_api_key", "reference", "--rights", "read,write,deploy").stdout.strip()
    project = run(page, "get_projects", KEY=key)["elements"][0]["id"]
    made = run(page, "post_datasets", KEY=key, PROJECT=project)
    assert made["name"]
    known = {"KEY": key, "PROJECT": project, "ID": made["id"], "DATASET": made["id"]}
    assert run(page, "get_datasets_id", **known) == made
    assert run(page, "get_datasets_id_events", **known) == run(page, "get_namespaces", **known) == {"elements": []}
    assert run(page, "put_datasets_id", **known)["id"] == made["id"]
    ingest = {"KEY": server.keys["ingest"], "DATASET": "logs", "NAMESPACE": "reference"}
    assert run(page, "send_events_by_dataset_namespace", **ingest) == {"message": "Request Accepted"}


def run(page: Page, operation: str, **variables: str) -> dict:
    command = page.locator(f"#{operation} pre").text_content()
    assert command is not None and set(re.findall(r"\$(\w+)", command)) <= set(variables)
    done = subprocess.run(
        ["sh", "-c", f"{command} --silent --show-error"],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
