// A dashboard: each panel loads by its own request, those in sight first, and fails alone.
//
// data-panels      the grid: data-at-once requests run at a time, and after data-refresh seconds all are made anew;
//                  data-from and data-to are the time frame
// data-panel       the address of what a panel shows; data-widget: what is sent there
// data-again       in a panel: after so many seconds its request is made anew
// data-retry       a button in a panel that makes its request anew
// data-failed      the template of a panel whose request got no answer

const dashboard = document.querySelector("[data-dashboard]");
const grid = document.querySelector("[data-panels]");
const failed = document.querySelector("[data-failed]");
const screenButtons = dashboard.querySelectorAll("[data-full-screen]");
const LOADING = "Loading…";
const waiting = new Set();
const inSight = new Set();
const stale = new Set(grid.querySelectorAll("[data-panel]"));
let running = 0;
let isPrinting = false;
let lastReload = Date.now();

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(target);
      else inSight.delete(target);
    }
    ask();
  },
  { rootMargin: "200px" },
);
for (const panel of stale) {
  watcher.observe(panel);
  panel.querySelector(".ev-widget-body").textContent = LOADING;
}

function ask(panels = [...inSight].filter((panel) => stale.has(panel))) {
  for (const panel of panels) waiting.add(panel);
  for (const panel of waiting) {
    if (running >= Number(grid.dataset.atOnce)) return;
    waiting.delete(panel);
    stale.delete(panel);
    running += 1;
    load(panel).finally(() => {
      running -= 1;
      ask([]);
      printOnceLoaded();
    });
  }
}

async function load(panel) {
  panel.setAttribute("aria-busy", "true");
  try {
    const options = { redirect: "manual", headers: { "X-Background": "1" } };
    const response = await fetch(panel.dataset.panel, { ...options, ...draft(panel.dataset) });
    if (response.type === "opaqueredirect") throw new Error("You are logged out: reload the page.");
    if (response.status === 404) throw new Error("The dashboard has changed: reload the page.");
    if (!response.ok) throw new Error("The server can't tell now.");
    const later = Number(response.headers.get("Retry-After"));
    if (later) postpone(panel, later);
    else show(panel, await response.text());
  } catch (error) {
    fail(panel, error instanceof TypeError ? "The server can't be reached." : error.message);
  }
  panel.removeAttribute("aria-busy");
}

// Too many queries run at once: what the panel shows stays until its turn comes.
function postpone(panel, seconds) {
  const body = panel.querySelector(".ev-widget-body");
  if (body.textContent === LOADING) body.textContent = "Waiting for other queries…";
  setTimeout(() => (document.hidden ? stale.add(panel) : ask([panel])), seconds * 1000);
}

// Who has scrolled in a panel stays there, and so does the focus of the keyboard.
function show(panel, text) {
  const { scrollTop, scrollLeft } = panel.querySelector(".ev-widget-body");
  keepFocus(panel, () => (panel.innerHTML = text));
  const body = panel.querySelector(".ev-widget-body");
  Object.assign(body, { scrollTop, scrollLeft });
  if (body.dataset.again) setTimeout(() => (document.hidden ? stale.add(panel) : ask([panel])), body.dataset.again * 1000);
}

// After the change, the focus is on the same thing if it is still there, else on what is in its place.
function keepFocus(panel, change) {
  const all = () => [...panel.querySelectorAll("a[href], button, summary, [tabindex]")];
  const { activeElement: focused } = document;
  const place = all().indexOf(focused);
  change();
  if (place < 0) return;
  const same = (one) => one.tagName === focused.tagName && one.textContent === focused.textContent;
  const there = all();
  const here = there[Math.min(place, there.length - 1)];
  (here && same(here) ? here : (there.find(same) ?? here))?.focus({ preventScroll: true });
}

// In a preview, the widget is sent: nothing of it is stored yet.
function draft({ widget }) {
  if (!widget) return {};
  const { csrfmiddlewaretoken, project } = document.querySelector("[data-editor]").elements;
  const body = new FormData();
  for (const { name, value } of [csrfmiddlewaretoken, project]) body.append(name, value);
  body.append("widget", widget);
  for (const name of ["from", "to"]) body.append(name, grid.dataset[name]);
  return { method: "POST", body };
}

function fail(panel, reason) {
  const body = failed.content.cloneNode(true);
  const told = body.querySelector("p");
  told.textContent = told.title = reason;
  keepFocus(panel, () => panel.querySelector(".ev-widget-body").replaceWith(body));
}

// Somebody who has opened an event goes on reading it, and one who drags over a chart goes on dragging.
function reload() {
  lastReload = Date.now();
  for (const panel of grid.querySelectorAll("[data-panel]:not(:has(details[open], .ev-chosen))")) stale.add(panel);
  ask();
}

dashboard.addEventListener("click", ({ target }) => {
  if (target.closest("[data-retry]")) ask([target.closest("[data-panel]")]);
  else if (target.closest("[data-reload-panels]")) reload();
  else if (target.closest("[data-full-screen]")) switchScreen();
  else if (target.closest("[data-print]")) printAll();
});

const seconds = Number(grid.dataset.refresh);
if (seconds) setInterval(() => document.hidden || reload(), seconds * 1000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (seconds && Date.now() - lastReload >= seconds * 1000) reload();
  else ask();
});
for (const button of dashboard.querySelectorAll("[data-reload-panels], [data-print]")) button.hidden = false;
for (const button of screenButtons) button.hidden = !document.fullscreenEnabled;

// Panels out of sight are on paper, too: they are loaded first.
function printAll() {
  isPrinting = true;
  ask([...stale]);
  printOnceLoaded();
}

function printOnceLoaded() {
  if (!isPrinting || running || waiting.size) return;
  isPrinting = false;
  print();
}

function switchScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else dashboard.requestFullscreen();
}

document.addEventListener("fullscreenchange", () => {
  for (const button of screenButtons) button.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen";
});
