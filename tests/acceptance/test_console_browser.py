"""The console in a real browser, on a real server: what a person does there, click by click."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import drag_over_right_half, explore, log_in, log_in_unseen, serious_barriers
from tests.server import Server

PAGES = [
    "/console/",
    "/console/explore/",
    "/console/dashboards/",
    "/console/events/alert/",
    "/console/system/",
    "/console/ledger/",
    "/console/pipelines/pipeline/",
    "/console/pipelines/resource/",
    "/console/pipelines/identity/add/",
    "/console/reference/",
    "/console/events/dataset/",
    "/console/events/dataset/add/",
    "/console/events/namespace/",
    "/console/projects/apikey/",
    "/console/projects/apikey/add/",
    "/console/projects/project/",
    "/console/projects/project/add/",
    "/console/projects/account/",
    "/console/projects/account/add/",
    "/console/projects/organization/",
    "/console/password_change/",
]
UNLABELLED = """() => [...document.querySelectorAll("#content input, #content select, #content textarea")]
    .filter(field => field.type !== "hidden" && field.checkVisibility()
        && !field.labels?.length && !field.ariaLabel && !field.placeholder && !field.title)
    .map(field => field.outerHTML)"""


def create_key(page: Page, server: Server, name: str) -> str:
    page.goto(f"{server.url}/console/")
    page.get_by_role("link", name="Create API key").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Project").select_option("main")
    page.get_by_role("button", name="Save").click()
    return page.get_by_label("API key").input_value()


def status(server: Server, key: str) -> int:
    return server.post("/v1/logs/browser", [{"message": "hello"}], x_api_key=key).status


def test_wrong_password_is_told(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    log_in(page, server, "wrong")
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    page.close()


def test_key_is_copied_once_works_and_is_revoked(page: Page, server: Server) -> None:
    secret = create_key(page, server, "browser key")
    assert re.fullmatch(r"evl_\w{32}", secret)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert status(server, secret) == 202

    page.reload()  # asks for the key's page, and for no other key
    expect(page.get_by_label("Name")).to_have_value("browser key")
    assert secret not in page.content()
    page.goto(f"{server.url}/console/projects/apikey/?q=browser+key")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert secret not in page.content()

    page.get_by_role("link", name="browser key").click()
    page.get_by_role("link", name="Revoke").click()
    expect(page.get_by_text("Revoke the key “browser key”?")).to_be_visible()
    assert status(server, secret) == 202  # a question is not yet an answer
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("1 API key revoked.")).to_be_visible()
    server.wait_until(lambda: status(server, secret) == 401, "a revoked key is refused")


def test_secret_is_copied_where_the_browser_hides_the_clipboard(page: Page, server: Server) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    secret = create_key(page, server, "plain HTTP key")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.goto(f"{server.url}/console/projects/apikey/add/")
    page.get_by_label("Name").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("Name")).to_have_value(secret)


def test_rotated_key_works_beside_its_successor(page: Page, server: Server) -> None:
    old = create_key(page, server, "overlapping key")
    page.get_by_role("link", name="See the key's page").click()
    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("button", name="Rotate").click()
    new = page.get_by_label("API key").input_value()
    assert new != old and status(server, old) == status(server, new) == 202
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row", name=re.compile(f"{old[:12]}.*replaced", re.I))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(f"{new[:12]}.*active", re.I))).to_be_visible()


def test_dataset_from_its_first_event_to_its_deletion(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/")
    page.get_by_role("link", name="Create dataset").click()
    page.get_by_label("Project").select_option("main")
    page.get_by_label("Name", exact=False).first.fill("orders")
    page.get_by_role("button", name="Save").click()
    in_list = page.locator("#result_list").get_by_role("link", name="orders", exact=True)
    expect(in_list).to_be_visible()

    sent = [{"message": f"order {number}"} for number in range(1234)]
    server.wait_until(lambda: server.post("/v1/orders/web", sent).status == 202, "the new dataset takes events")
    server.wait_until(lambda: "1,234" in _row(page, server, "orders"), "the list counts the events")
    in_list.click()
    expect(page.get_by_text(f"curl {server.url}/v1/orders/my-service")).to_be_visible()

    page.get_by_role("link", name="Delete dataset").click()
    expect(page.get_by_text("1,234")).to_be_visible()
    for typed, message in (("order", "Nothing was deleted"), ("orders", "deleted successfully")):
        page.get_by_label("Type orders to delete it").fill(typed)
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text(message)).to_be_visible()
    server.wait_until(lambda: server.post("/v1/orders/web", sent).status == 400, "the dataset takes no events")


def test_explore_by_keyboard_and_by_its_fields(page: Page, server: Server) -> None:
    sent = [{"message": f"step {number}", "level": "warn", "step": number % 3} for number in range(9)]
    assert server.post("/v1/logs/explored", sent).status == 202
    page.goto(explore(server, "namespace:explored"))
    expect(page.locator("#total")).to_have_text("9")

    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    opened = page.locator(".ev-event[open]")
    expect(opened.get_by_role("link", name="Events around it")).to_be_in_viewport()
    expect(opened.locator("> summary")).to_contain_text("step 7")
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    search = page.get_by_label("Search", exact=True)
    expect(search).to_be_focused()
    page.keyboard.press("Escape")
    expect(search).not_to_be_focused()
    expect(search).to_have_value("namespace:explored")
    assert page.evaluate("typeof Chart") == "undefined"  # 200 kB that no page needs

    page.get_by_text("Fields", exact=True).click()
    field = page.locator(".ev-field").filter(has_text=re.compile(r"^\s*step"))
    field.locator("summary").click()
    field.get_by_role("link", name="2", exact=True).click()
    expect(page.locator("#total")).to_have_text("3")
    field.locator("summary").click()  # the side bar stays open
    field.get_by_role("link", name="Group by it").click()
    expect(page.locator(".ev-groups tbody tr")).to_have_count(1)


OPENED = (
    b'{"message":"charged","traceId":"t-9","spanId":"b","parentSpanId":"a","duration":20,"price":1.50,'
    b'"big":12345678901234567890.1230,"card":{"kind":"visa"}}'
)


def test_opened_event_leads_on(page: Page, server: Server) -> None:
    sent = b'[{"message":"checkout","traceId":"t-9","spanId":"a","duration":50},' + OPENED + b"]"
    assert server.post("/v1/logs/opened", sent).status == 202
    page.goto(explore(server, "namespace:opened+charged"))
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    page.reload()
    page.locator(".ev-event > summary").click()
    tree = page.get_by_role("tabpanel", name="Tree")

    def ways(text: str) -> Locator:
        row = tree.locator(".ev-leaf").filter(has_text=text)
        row.hover()
        return row

    ways("price").get_by_role("button", name="copy value").click()
    expect_copied(page, "1.50")
    ways("kind").get_by_role("button", name="copy path").click()
    expect_copied(page, "card.kind")
    assert serious_barriers(page) == []

    page.get_by_role("tab", name="Tree").focus()
    page.keyboard.press("ArrowRight")
    raw = page.get_by_role("tabpanel", name="Raw")
    raw.get_by_role("button", name="Copy").click()
    expect_copied(page, OPENED.decode())
    page.get_by_role("tab", name="Trace").click()
    expect(page.locator(".ev-waterfall li")).to_have_count(2)
    assert serious_barriers(page) == []
    page.get_by_role("tab", name="Context").click()
    expect(page.locator(".ev-around li")).to_have_count(2)

    page.get_by_role("tab", name="Tree").click()
    ways("price").get_by_role("link", name="add column").click()
    expect(page.locator(".ev-event .ev-event-cell")).to_contain_text("1.50")
    page.get_by_role("link", name="Remove charged").click()
    expect(page.locator("#total")).to_have_text("2")
    page.get_by_role("link", name="Remove the column price").click()
    expect(page.locator(".ev-event-cell")).to_have_count(0)

    for name, shown in (("Local", "JST"), ("UTC", "UTC")):
        page.get_by_role("group", name="Show times in").get_by_role("button", name=name).click()
        expect(page.locator(".ev-as-of")).to_contain_text(shown)


def test_event_that_could_not_be_loaded_is_asked_for_again(browser: Browser, server: Server) -> None:
    page = browser.new_page()  # whose failed requests are no complaints
    log_in_unseen(page, server)
    assert server.post("/v1/logs/away", [{"message": "here"}]).status == 202
    page.goto(explore(server, "namespace:away"))
    line = page.locator(".ev-event > summary").first
    page.context.set_offline(True)
    line.click()
    expect(page.locator(".ev-event").get_by_role("alert")).to_contain_text("The server can't tell now.")
    page.context.set_offline(False)
    line.click()
    line.click()
    expect(page.get_by_role("tabpanel", name="Tree")).to_be_visible()
    tab, around = page.get_by_role("tab", name="Context"), page.get_by_role("tabpanel", name="Context")
    page.context.set_offline(True)
    tab.click()
    expect(around.get_by_role("alert")).to_contain_text("The server can't tell now.")
    page.context.set_offline(False)
    tab.click()
    expect(around.get_by_role("listitem").first).to_be_visible()
    page.context.close()


def test_explore_folds_and_keeps_values_in_sight_on_a_phone(page: Page, server: Server) -> None:
    assert server.post("/v1/logs/phone", [{"message": "m", "level": "error", "host": "h-1"}]).status == 202
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(explore(server, "namespace:phone"))
    expect(page.get_by_label("Group by")).to_be_hidden()
    page.get_by_role("button", name="More").click()
    page.get_by_label("Group by").fill("host")
    page.keyboard.press("Enter")
    expect(page.locator(".ev-groups tbody tr")).to_have_count(1)
    expect(page.get_by_label("Group by")).to_be_visible()  # what is asked for stays unfolded
    page.get_by_role("link", name="Show the events").click()

    page.locator(".ev-event > summary").click()
    row = page.locator(".ev-leaf").filter(has_text="h-1")
    row.click(position={"x": 10, "y": 8})
    value, ways = row.locator(".ev-value").bounding_box(), row.locator(".ev-ways").bounding_box()
    assert value and ways and ways["y"] >= value["y"] + value["height"] - 1
    row.get_by_role("link", name="filter out").click()
    expect(page.locator("#total")).to_have_text("0")

    long = {"message": "long", "outer": {"inner": 1}, **{f"field-{number}": number for number in range(40)}}
    assert server.post("/v1/logs/phone", [long]).status == 202
    page.goto(explore(server, "namespace:phone+message:long"))
    page.locator(".ev-event > summary").click()
    page.get_by_label("Find a field or value").fill("field-3")
    rows = page.locator(".ev-tree li:visible .ev-name")
    expect(rows).to_have_text(["field-3", *(f"field-{number}" for number in range(30, 40))])
    page.get_by_label("Find a field or value").fill("OUTER")
    expect(rows).to_have_text(["outer", "inner"])


def expect_copied(page: Page, text: str) -> None:
    page.wait_for_function("text => navigator.clipboard.readText().then((copied) => copied === text)", arg=text)


def test_questions_are_saved_and_the_last_ones_remembered(page: Page, server: Server) -> None:
    page.goto(explore(server, "namespace:remembered"))
    saved, recent = page.locator(".ev-asked"), page.locator("[data-recent]")
    expect(recent).to_be_hidden()  # there is no other question
    page.get_by_text("Save this question", exact=True).click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Remembered")
    page.keyboard.press("Enter")
    expect(saved).to_contain_text(f"remembered saved by {server.email}")

    page.get_by_role("button", name="6 h").click()
    expect(saved).to_contain_text("changed")
    page.get_by_label("Search", exact=True).fill("namespace:another")
    page.keyboard.press("Enter")
    recent.locator("summary").click()
    expect(recent.get_by_role("link")).to_have_text(["logs · namespace:remembered · 6 h"])
    page.keyboard.press("Escape")
    expect(recent.get_by_role("link")).to_be_hidden()
    recent.locator("summary").click()
    recent.get_by_role("link").click()
    expect(page.get_by_label("Search", exact=True)).to_have_value("namespace:remembered")

    page.get_by_text("Saved", exact=True).click()
    page.get_by_role("link", name=f"remembered {server.email}").click()
    expect(saved).not_to_contain_text("changed")
    saved.get_by_role("link", name="Rename, delete").click()
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete query remembered").click()
    expect(page.get_by_text("The query remembered was deleted.")).to_be_visible()


def test_search_is_completed_and_the_chart_zooms(page: Page, server: Server) -> None:
    sent = [{"message": "zoomed", "plan name": "pro plan"}, {"message": "zoomed"}]
    assert server.post("/v1/logs/zoomed", sent).status == 202
    page.goto(explore(server, "namespace:zoomed"))
    search = page.get_by_label("Search", exact=True)
    search.press("End")
    search.press_sequentially(" plan")
    for offered in ('"plan name":', '"plan name":"pro plan"'):
        expect(page.get_by_role("listbox", name="Completions").get_by_role("option")).to_have_text([offered])
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    expect(search).to_have_value('namespace:zoomed "plan name":"pro plan" ')
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_have_text("1")

    chart = page.locator(".ev-explore .ev-chart svg")
    chart.locator("a.ev-stacked").last.hover()
    expect(page.locator(".ev-tip")).to_contain_text("event")
    drag_over_right_half(page, chart)
    page.wait_for_url("**&from=20*&to=20*")
    expect(page.locator("#total")).to_have_text("1")
    page.go_back()
    expect(page.get_by_label("From", exact=True)).to_have_value("1h")


def test_live_shows_new_events_and_waits_while_somebody_reads(page: Page, server: Server) -> None:
    def send(*names: str) -> None:
        sent = [{"message": name, "level": "error" if name == "bad" else "info", "service": "live"} for name in names]
        assert server.post("/v1/logs/live", sent).status == 202

    send("before")
    page.goto(explore(server, "service:live"))
    send("one")  # since the list was made
    page.keyboard.press("l")
    switch, messages = page.get_by_role("switch", name="Live"), page.locator(".ev-event-message")
    expect(switch).to_be_checked()
    expect(messages).to_have_text(["one", "before"])
    send("bad")
    expect(messages).to_have_text(["bad", "one", "before"])

    page.locator(".ev-event").first.click()
    expect(page.locator(".ev-event[open]").get_by_role("link", name="Events around it")).to_be_visible()
    send("two", "three")
    waiting = page.get_by_role("button", name="2 new, paused while you read")
    waiting.click()
    expect(messages).to_have_text(["three", "two", "bad", "one", "before"])

    page.set_viewport_size({"width": 1280, "height": 160})
    page.evaluate("scrollBy(0, document.querySelector('.ev-events').getBoundingClientRect().top - 20)")
    send("hidden")  # would come under the switch
    page.get_by_role("button", name="1 new, paused while you read").click()
    expect(messages.first).to_have_text("hidden")

    send(*[str(number) for number in range(3000)])  # more than the server sends to a page at a time
    expect(page.locator(".ev-live-lost")).to_contain_text("not shown: there are too many")
    switch.click()
    expect(switch).not_to_be_checked()
    assert page.url.endswith("q=service%3Alive&from=1h")

    switch.click()  # goes on from where it stopped, as far as there is room
    expect(messages.first).to_have_text("2999")
    page.locator(".ev-gap").get_by_role("link", name="Look at them").click()
    expect(page.locator(".ev-chips")).to_contain_text("received_time")


def test_live_tries_again_until_that_cannot_help(browser: Browser, server: Server) -> None:
    page = browser.new_page()  # whose failed requests are no complaints
    log_in_unseen(page, server)
    sent = [{"message": "here", "service": "again"}]
    assert server.post("/v1/logs/live", sent).status == 202
    page.clock.install()
    page.goto(explore(server, "service:again"))
    switch, state = page.get_by_role("switch", name="Live"), page.locator(".ev-live-state")
    now = page.get_by_role("button", name="Try now")

    full = {"error": "2 tails are open.", "code": "too_many_tails"}
    answers = [{"status": 503, "headers": {"Retry-After": "100"}, "json": full}, {"status": 500, "body": "?"}]
    page.route("**/explore/live/**", lambda route: route.fulfill(**answers.pop(0)) if answers else route.continue_())
    switch.click()
    expect(state).to_have_text(re.compile(r"2 tails are open\. Trying again in 1[0-2]\d s\."))
    now.click()
    expect(state).to_contain_text("The server answered with status 500. Trying again in ")
    page.clock.fast_forward(10_000)
    expect(state).to_have_text("Waiting for new events")
    expect(now).to_be_hidden()
    with page.expect_request("**/explore/live/**"):
        page.clock.fast_forward(41_000)  # in which no comment came
        expect(state).to_contain_text("Nothing came any more. Trying again in ")
        now.click()
    expect(state).to_have_text("Waiting for new events")
    assert serious_barriers(page) == []

    page.context.clear_cookies()
    page.clock.fast_forward(41_000)
    now.click()
    expect(state).to_contain_text("You are logged out")
    expect(switch).not_to_be_checked()
    page.context.close()


@pytest.mark.drill
def test_live_goes_on_after_a_restart(browser: Browser, fresh_server: Callable[..., Server]) -> None:
    server = fresh_server()
    page = browser.new_page()
    log_in_unseen(page, server)

    def send(name: str) -> None:
        assert server.post("/v1/logs/live", [{"message": name}]).status == 202

    send("one")
    page.goto(explore(server, "namespace:live#live"))
    messages, state = page.locator(".ev-event-message"), page.locator(".ev-live-state")
    expect(state).to_have_text("Waiting for new events")
    send("two")
    expect(messages).to_have_text(["two", "one"])
    server.stop()
    expect(state).to_contain_text("The connection is lost. Trying again in")
    server.start()
    send("three")
    expect(messages).to_have_text(["three", "two", "one"])
    send("four")
    expect(messages).to_have_text(["four", "three", "two", "one"])
    page.context.close()


def _row(page: Page, server: Server, name: str) -> str:
    page.goto(f"{server.url}/console/events/dataset/?q={name}")
    return page.locator("#result_list tbody").first.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_labels_its_fields(page: Page, server: Server, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES:
        assert page.goto(server.url + path).status == 200
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate(UNLABELLED) == [], path
        assert page.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark"), path


def test_row_of_a_list_takes_two_lines_on_a_phone(page: Page, server: Server) -> None:
    server.manage(
        "create_api_key", "a key for everything " * 3, "--rights", "ingest,read,write,deploy", "--project", "main"
    )
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("events/dataset/", "projects/project/", "projects/account/", "projects/apikey/"):
        page.goto(f"{server.url}/console/{path}")
        row = page.locator("#result_list tr.data-row").first
        expect(row).to_be_visible()
        assert row.bounding_box()["height"] < 80, path
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_menus_work_without_scripts_made_of_text(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/projects/apikey/")
    menu, fold = page.locator("#nav-sidebar"), page.get_by_role("button", name="Menu", exact=True)
    expect(menu).to_be_visible()
    fold.click()
    expect(menu).to_be_hidden()
    page.reload()
    expect(menu).to_be_hidden()
    fold.click()
    expect(menu).to_be_visible()
    page.keyboard.press("Control+k")
    palette = page.locator("#search-input-command")
    expect(palette).to_be_focused()  # some milliseconds after it is visible
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.get_by_role("button", name="Account menu").click()
    page.locator("[x-on\\:click=\"switchTheme('dark')\"]").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))


def test_account_menu_and_log_out_by_keyboard(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console/")
    page.get_by_role("button", name="Account menu").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("logged out", exact=False).first).to_be_visible()
    page.goto(f"{server.url}/console/events/dataset/")
    expect(page.get_by_label("E-mail address")).to_be_visible()
