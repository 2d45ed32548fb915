// Keeps parts of pages up to date. Without this script, pages are complete but don't change.
//
// data-live       an address that returns the part's new content, polled
// data-live-ms    how often; a reply with Retry-After leaves what is shown, and is asked for again after that time
// data-live-first the part is loaded at once: so far it says in its .ev-loading that it waits
// data-live-first-event  in the content: events have come, so a page that has no data-live-first parts yet is loaded anew
// data-live-list  the page's list of rows is polled
// data-live-beside  a part with an id that changes with the list
// data-again      in the content: it is asked for again after so many seconds, because the server can't tell now
// data-live-end   in the content: nothing will change any more, so stop polling until the user returns to the page

const LIVE_MS = 3000;
const ARRIVAL_MS = 1500;
const LIST_MS = 5000;
const unfolded = new WeakSet(); // details that a person opened or closed: they stay so

for (const part of document.querySelectorAll("[data-live]"))
  repeat(Number(part.dataset.liveMs ?? LIVE_MS), () => refresh(part), !hasEnded(part), "liveFirst" in part.dataset);
for (const list of document.querySelectorAll("[data-live-list]")) repeat(LIST_MS, refreshList, true);
for (const check of document.querySelectorAll("[data-arrival]")) repeat(ARRIVAL_MS, () => look(check), true);

document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  if (summary) unfolded.add(summary.parentElement);
});

// Repeat a job while it returns true, or sooner if it returns in how many milliseconds: never twice at once, and not
// while the page is hidden.
function repeat(pause, job, goesOn, atOnce = false) {
  let timer;
  let busy = false;
  const run = async () => {
    if (busy || document.hidden) return;
    clearTimeout(timer);
    busy = true;
    try {
      goesOn = await job();
    } finally {
      busy = false;
      if (goesOn) timer = setTimeout(run, goesOn === true ? pause : goesOn);
    }
  };
  document.addEventListener("visibilitychange", run);
  if (atOnce) run();
  else if (goesOn) timer = setTimeout(run, pause);
}

// Update a part; return whether to continue, as `repeat` wants it.
async function refresh(part) {
  const answer = await ask(part.dataset.live);
  if (answer.laterMs) {
    tell(part, "");
    for (const waiting of part.querySelectorAll(".ev-loading")) waiting.textContent = "Waiting for other queries…";
    return answer.laterMs;
  }
  if (answer.text === undefined) {
    tell(part, answer.failure);
    for (const waiting of part.querySelectorAll(".ev-loading")) waiting.textContent = answer.failure;
    return true;
  }
  const fresh = part.cloneNode(false);
  fresh.innerHTML = answer.text;
  morph(part, fresh);
  tell(part, "");
  const news = part.querySelector("[data-live-first-event]");
  if (news && !document.querySelector("[data-live-first]")) location.reload();
  const again = part.querySelector("[data-again]");
  return again ? again.dataset.again * 1000 : !hasEnded(part);
}

function hasEnded(part) {
  return part.querySelector("[data-live-end]") !== null;
}

function tell(part, failure) {
  const place = document.querySelector("[data-live-failure]");
  const since = part.querySelector("[data-as-of]")?.textContent;
  place.textContent = failure && `${failure} ${since ? `The page shows the state at ${since}.` : ""}`;
  place.hidden = !failure;
}

// Update a list, except while rows are selected: their boxes would end up beside other rows.
async function refreshList() {
  const list = document.getElementById("result_list");
  if (list?.querySelector("input:checked")) return true;
  const answer = await ask(location.href);
  const place = document.querySelector("[data-live-failure]");
  place.hidden = answer.text !== undefined;
  place.textContent = answer.failure ?? "";
  if (answer.text === undefined) return true;
  const page = new DOMParser().parseFromString(answer.text, "text/html");
  for (const part of document.querySelectorAll("[data-live-beside]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) morph(part, document.adoptNode(fresh));
  }
  const fresh = page.getElementById("result_list");
  if (list && fresh && !list.querySelector("input:checked")) morph(list, document.adoptNode(fresh));
  else if (!list !== !fresh) location.reload(); // the first row came, or the last one went
  return true;
}

async function look(check) {
  const answer = await ask(check.dataset.arrival);
  const arrival = answer.text === undefined ? { state: "unknown", text: answer.failure } : JSON.parse(answer.text);
  check.dataset.state = arrival.state;
  if (check.textContent !== arrival.text) check.textContent = arrival.text;
  return true;
}

// Return {text} of a good reply, {text, laterMs} of one that is to be asked for again because too many queries run at
// once (Retry-After), otherwise {failure}: a message for the user.
async function ask(url) {
  try {
    const response = await fetch(url, { redirect: "manual", headers: { "X-Background": "1" } });
    if (response.type === "opaqueredirect") return { failure: "You are logged out: reload the page." };
    const laterMs = Number(response.headers.get("Retry-After")) * 1000;
    if (response.ok) return { text: await response.text(), laterMs };
  } catch {
    // falls through: the server or the network is down
  }
  return { failure: "The server can't tell now." };
}

// Change `old` into `fresh` only where they differ, to keep focus, selection and hover.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) return old.replaceWith(fresh);
  const stays = (name) => name === "open" && unfolded.has(old);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !stays(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !stays(name)) old.setAttribute(name, value);
  const children = [...fresh.childNodes];
  while (old.childNodes.length > children.length) old.lastChild.remove();
  children.forEach((child, index) => (old.childNodes[index] ? morph(old.childNodes[index], child) : old.append(child)));
}
