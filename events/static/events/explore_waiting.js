// Explore: while an answer takes long, say how far it is. The page that asked stays until the answer comes.
//
// data-progress  where the server says how far the question with a token is
// data-seconds   after which it gives up

const AFTER_MS = 500;
const EVERY_MS = 1000;
const GRACE_S = 15; // beyond that limit, for waiting for a turn and for making the page
const CLICK_MS = 1000; // so soon after a click, the page leaves because of it

const panel = document.querySelector("[data-progress]");
const [state, far] = panel?.querySelectorAll("p") ?? [];
const bar = panel?.querySelector("progress");
let clicked = { link: null, time: 0 };
let token = "";
let began = 0;
let timer;

if (panel) {
  document.addEventListener("click", ({ target }) => (clicked = { link: target.closest("a[href]"), time: Date.now() }), true);
  addEventListener("beforeunload", begin);
  addEventListener("pageshow", end); // it is shown again, by the button Back
  document.addEventListener("keydown", (event) => event.key === "Escape" && end()); // the browser stops loading
}

function begin() {
  const link = Date.now() - clicked.time < CLICK_MS ? clicked.link : null;
  if (link && link.pathname !== location.pathname) return; // another page, or a file
  end();
  began = Date.now();
  token = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  document.cookie = `eventlane_asking=${token}; path=${location.pathname}; max-age=${Math.ceil(panel.dataset.seconds) + 60}; samesite=lax`;
  timer = setTimeout(look, AFTER_MS, token);
}

function end() {
  clearTimeout(timer);
  token = state.textContent = far.textContent = "";
  panel.hidden = bar.hidden = true;
  document.querySelector(".ev-explore")?.classList.remove("ev-outdated");
}

async function look(asked) {
  if (Date.now() - began > (Number(panel.dataset.seconds) + GRACE_S) * 1000) return end(); // stopped with the browser's button
  if (panel.hidden) show({});
  try {
    const address = `${panel.dataset.progress}?token=${asked}`;
    const response = await fetch(address, { redirect: "manual", headers: { "X-Background": "1" } });
    if (response.ok && asked === token) show(await response.json());
  } catch {
    if (asked === token) show({});
  }
  if (asked === token) timer = setTimeout(look, EVERY_MS, asked);
}

function show({ looked_at, events }) {
  const number = (value) => value.toLocaleString("en");
  panel.hidden = false;
  document.querySelector(".ev-explore")?.classList.add("ev-outdated");
  state.textContent = "Looking at the events…"; // read aloud once; what changes each second isn't
  const seconds = `${Math.round((Date.now() - began) / 1000)} s of at most ${number(Number(panel.dataset.seconds))} s`;
  const known = looked_at ? `about ${number(looked_at)} of ${number(events)} looked at` : events ? `${number(events)} to look at` : "";
  far.textContent = known ? `${seconds}, ${known}` : seconds;
  bar.hidden = !looked_at;
  bar.value = looked_at ? looked_at / events : 0;
}
