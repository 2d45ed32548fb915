// Explore: new events as they come. The server sends each as a line of the list.
//
// data-tail  where the stream comes from: it begins with what came after the list was made
//
// While somebody reads further down, or has an event open, new ones wait, and a button shows how many. What neither the
// server nor the page has room for is counted and named, or a line in the list stands for it.

import { LiveStream } from "./live_stream.js";

const MOST_ROWS = 500; // in the list, and waiting
const ROWS_AT_ONCE = 100; // put into the page before it is drawn
const MOST_KNOWN = 3000; // ids of events that the page has had
const RATE_SECONDS = 5;
const SPOKEN_MS = 10000; // a screen reader says so often at most how many are new
const HIDDEN_MS = 30000; // after this, a page that nobody sees gives its connection back
const ROWS = ".ev-event, .ev-gap";

const bar = document.querySelector("[data-tail]");
if (bar) start(bar);

function start(bar) {
  const [button, retryButton, waitingButton] = bar.querySelectorAll("button");
  const [state, rate, lost, spoken] = ["state", "rate", "lost", "spoken"].map((name) => bar.querySelector(`.ev-live-${name}`));
  const list = document.querySelector(".ev-events");
  const older = document.querySelector("[data-older]");
  const known = new Set([...list.querySelectorAll(".ev-event")].map((row) => placeOf(row).id));
  const stream = new LiveStream(bar.dataset.tail, { opened, events: take, paused, over: stop });
  let waiting = []; // lines with `html`, those of events with an `id`; the oldest first
  let arrivals = []; // [time, number]
  let missing = 0;
  let unspoken = 0;
  let isOn = false;
  let drawing = false;
  let hiddenTimer;

  button.addEventListener("click", () => (isOn ? stop() : go()));
  retryButton.addEventListener("click", () => stream.hurry());
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
  setInterval(speak, SPOKEN_MS);
  if (location.hash === "#live") go();

  // The switch

  function go() {
    isOn = true;
    missing = 0; // what was not shown until now is sent, or stands behind a line in the list
    history.replaceState(null, "", "#live");
    button.setAttribute("aria-checked", "true");
    say("Connecting");
    stream.start();
    show();
  }

  function stop(why = "") {
    stream.stop();
    isOn = false;
    arrivals = [];
    history.replaceState(null, "", location.pathname + location.search);
    button.setAttribute("aria-checked", "false");
    retryButton.hidden = true;
    say(why);
    show();
  }

  function hide() {
    clearTimeout(hiddenTimer);
    if (!isOn) return;
    if (document.hidden) {
      hiddenTimer = setTimeout(() => {
        stream.stop();
        say("Paused while nobody sees this page");
      }, HIDDEN_MS);
    } else if (stream.isOn) stream.hurry();
    else stream.start();
  }

  // The stream

  function opened() {
    retryButton.hidden = true;
    say("Waiting for new events");
  }

  function paused(why, seconds) {
    retryButton.hidden = false;
    say(`${why} Trying again in ${seconds.toLocaleString("en")} s.`);
  }

  function take(events) {
    const lines = [];
    for (const event of events) {
      if (event.event === "dropped") lose(JSON.parse(event.data));
      else if (event.event === "gap") lines.push({ html: JSON.parse(event.data).html });
      else if (isNew(event.id)) lines.push({ id: event.id, html: event.data });
    }
    if (!lines.length) return show();
    say("");
    unspoken += lines.length;
    arrivals.push([Date.now(), lines.length]);
    waiting.push(...lines);
    shorten();
    later();
    show();
  }

  function isNew(id) {
    if (!id || known.has(id)) return false;
    known.add(id);
    if (known.size > MOST_KNOWN) known.delete(known.values().next().value);
    return true;
  }

  function lose({ dropped, skipped }) {
    arrivals.push([Date.now(), dropped]);
    missing += dropped + skipped;
  }

  // Forget the oldest that wait, where they are too many, but no line that stands for others.
  function shorten() {
    let over = waiting.filter((line) => line.id).length - MOST_ROWS;
    if (over <= 0) return;
    missing += over;
    waiting = waiting.filter((line) => !line.id || over-- <= 0);
  }

  // The list

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
    rows.innerHTML = waiting.splice(0, ROWS_AT_ONCE).reverse().map((line) => line.html).join("");
    for (const row of rows.content.children) row.classList.add("ev-event-new");
    list.insertBefore(rows.content, list.querySelector(ROWS));
    list.hidden = false;
    remove([...list.querySelectorAll(ROWS)].slice(MOST_ROWS));
    show();
  }

  // Remove rows from the list's end, and let the link to older events lead to them.
  function remove(rows) {
    const places = rows.filter((row) => row.matches(".ev-event")).map((row) => placeOf(row).us);
    for (const row of rows) row.remove();
    if (!places.length) return;
    const address = new URL(location.href);
    const [us] = (new URL(older.href).searchParams.get("before") ?? "").split(".");
    const newest = Math.max(...places) + 1;
    address.searchParams.set("before", `${Math.max(newest, Number(us))}.00000000-0000-0000-0000-000000000000`);
    address.hash = "";
    older.href = address;
    older.hidden = false;
  }

  // What the bar says

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function speak() {
    if (unspoken) spoken.textContent = `${unspoken.toLocaleString("en")} new ${unspoken === 1 ? "event" : "events"}`;
    unspoken = 0;
  }

  function showRate() {
    if (!isOn) return;
    arrivals = arrivals.filter(([time]) => time > Date.now() - RATE_SECONDS * 1000);
    show();
  }

  function show() {
    const perSecond = arrivals.reduce((sum, [, number]) => sum + number, 0) / RATE_SECONDS;
    rate.textContent = isOn ? `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString("en")} events/s` : "";
    const count = waiting.filter((line) => line.id).length;
    waitingButton.hidden = !waiting.length || drawing;
    waitingButton.textContent = `${count.toLocaleString("en")} new, paused while you read`;
    lost.hidden = !missing;
    lost.textContent = `${missing.toLocaleString("en")} not shown: there are too many. Narrow the search to see each.`;
  }
}

// Return the event's id and its own time, in microseconds since 1970: its address has both.
function placeOf(row) {
  const address = new URL(row.dataset.load, location.href).searchParams;
  return { id: address.get("id"), us: Number(address.get("at")) };
}
