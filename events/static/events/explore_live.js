// Explore: new events as they come. The server sends each as a line of the list.
//
// data-tail  where the stream comes from
//
// While somebody reads further down, or has an event open, new ones wait, and a button shows how many. What neither the
// server nor the page has room for is counted and named.

const MOST_ROWS = 500; // in the list, and waiting
const ROWS_AT_ONCE = 100; // put into the page before it is drawn
const RATE_SECONDS = 5;
const RETRY_MS = 2000;
const HIDDEN_MS = 30000; // after this, a page that nobody sees gives its connection back

const bar = document.querySelector("[data-tail]");
if (bar) start(bar);

function start(bar) {
  const [button, waitingButton] = bar.querySelectorAll("button");
  const [state, rate, lost] = [".ev-live-state", ".ev-live-rate", ".ev-live-lost"].map((name) => bar.querySelector(name));
  const list = document.querySelector(".ev-events");
  let stream = null; // an AbortController while it is on
  let waiting = []; // lines, the oldest first
  let arrivals = []; // [time, number]
  let missing = 0;
  let last = ""; // the id of the newest event
  let drawing = false;
  let hiddenTimer;

  button.addEventListener("click", () => (stream ? stop() : go()));
  waitingButton.addEventListener("click", () => {
    for (const opened of list.querySelectorAll(".ev-event[open]")) opened.open = false;
    window.scrollTo({ top: 0 });
    draw();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "l" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.matches("input, select, textarea") && !document.querySelector("dialog[open]")) button.click();
  });
  document.addEventListener("scroll", later, { passive: true, capture: true });
  list.addEventListener("toggle", later, true);
  document.addEventListener("visibilitychange", hide);
  setInterval(showRate, 1000);
  if (location.hash === "#live") go();

  function go() {
    stream = new AbortController();
    missing = 0;
    last = "";
    history.replaceState(null, "", "#live");
    button.setAttribute("aria-checked", "true");
    state.textContent = "Connecting";
    show();
    follow(stream.signal);
  }

  function stop(reason = "") {
    stream?.abort();
    stream = null;
    arrivals = [];
    history.replaceState(null, "", location.pathname + location.search);
    button.setAttribute("aria-checked", "false");
    state.textContent = reason;
    show();
  }

  // Read the stream; come back after the last event when the connection breaks.
  async function follow(signal) {
    while (!signal.aborted) {
      try {
        const headers = last ? { "Last-Event-ID": last, "X-Background": "1" } : {};
        const response = await fetch(bar.dataset.tail, { signal, headers, redirect: "manual" });
        if (response.type === "opaqueredirect") return stop("You are logged out: reload the page.");
        if (!response.ok) return stop(await problem(response));
        await read(response.body.pipeThrough(new TextDecoderStream()).getReader(), signal);
      } catch {}
      if (signal.aborted) return;
      state.textContent = "The connection is lost, trying again";
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  async function read(reader, signal) {
    let text = "";
    state.textContent = "Waiting for new events";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      const events = blocks.map(parse);
      for (const event of events) {
        if (event.event === "end") return stop(JSON.parse(event.data).error);
        if (event.event === "dropped") lose(JSON.parse(event.data));
        if (event.id) last = event.id;
      }
      take(events.filter((event) => event.id));
    }
  }

  function take(events) {
    if (!events.length) return show();
    state.textContent = "";
    arrivals.push([Date.now(), events.length]);
    waiting.push(...events.map((event) => event.data));
    const over = waiting.length - MOST_ROWS;
    if (over > 0) {
      waiting.splice(0, over);
      missing += over;
    }
    later();
    show();
  }

  function lose({ dropped, skipped }) {
    arrivals.push([Date.now(), dropped]);
    missing += dropped + skipped;
  }

  function later() {
    if (drawing || !waiting.length || isBeingRead()) return show();
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      if (!isBeingRead()) draw();
      if (waiting.length) later();
    });
  }

  // Whether somebody looks at what would move: the list's start is under the switch, or an event is open.
  function isBeingRead() {
    if (list.hidden) return false;
    return Boolean(list.querySelector(".ev-event[open]")) || list.getBoundingClientRect().top < bar.getBoundingClientRect().bottom;
  }

  function draw() {
    const rows = document.createElement("template");
    rows.innerHTML = waiting.splice(0, ROWS_AT_ONCE).reverse().join("");
    for (const row of rows.content.children) row.classList.add("ev-event-new");
    const first = list.querySelector(".ev-event");
    list.insertBefore(rows.content, first);
    list.hidden = false;
    const all = list.querySelectorAll(".ev-event");
    for (let place = MOST_ROWS; place < all.length; place++) all[place].remove();
    show();
  }

  function showRate() {
    if (!stream) return;
    arrivals = arrivals.filter(([time]) => time > Date.now() - RATE_SECONDS * 1000);
    show();
  }

  function show() {
    const perSecond = arrivals.reduce((sum, [, number]) => sum + number, 0) / RATE_SECONDS;
    rate.textContent = stream ? `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString("en")} events/s` : "";
    waitingButton.hidden = !waiting.length || drawing;
    waitingButton.textContent = `${waiting.length.toLocaleString("en")} new, paused while you read`;
    lost.hidden = !missing;
    lost.textContent = `${missing.toLocaleString("en")} not shown: there are too many. Narrow the search to see each.`;
  }

  function hide() {
    clearTimeout(hiddenTimer);
    if (!stream) return;
    if (document.hidden) hiddenTimer = setTimeout(() => stop("Stopped while nobody saw this page."), HIDDEN_MS);
  }
}

async function problem(response) {
  try {
    return (await response.json()).error;
  } catch {
    return "The server can't tell now.";
  }
}

// Return the members of a server-sent event; a comment has none.
function parse(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^([^:]*): ?(.*)$/s) ?? [];
    if (name) event[name] = name in event ? `${event[name]}\n${value}` : value;
  }
  return event;
}
