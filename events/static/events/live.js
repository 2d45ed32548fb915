// Figures that follow the server. Without this script the pages are complete, and stand still.

const LIVE_MS = 3000;
const ARRIVAL_MS = 1500;

for (const part of document.querySelectorAll("[data-live]")) repeat(LIVE_MS, () => refresh(part));
for (const check of document.querySelectorAll("[data-arrival]")) repeat(ARRIVAL_MS, () => look(check));

// Run a job again and again: never twice at once, and not while nobody looks.
function repeat(pause, job) {
  const next = () => setTimeout(run, pause);
  const run = () => (document.hidden ? next() : job().finally(next));
  document.addEventListener("visibilitychange", () => document.hidden || job());
  next();
}

async function refresh(part) {
  const answer = await ask(part.dataset.live);
  if (answer.text === undefined) return tell(part, answer.trouble);
  const fresh = part.cloneNode(false);
  fresh.innerHTML = answer.text;
  morph(part, fresh);
  tell(part, "");
}

function tell(part, trouble) {
  const place = document.querySelector("[data-live-trouble]");
  const since = part.querySelector("[data-as-of]")?.textContent;
  place.textContent = trouble && `${trouble} These figures are of ${since} UTC.`;
  place.hidden = !trouble;
}

async function look(check) {
  const answer = await ask(check.dataset.arrival);
  const arrival = answer.text === undefined ? { state: "unknown", text: answer.trouble } : JSON.parse(answer.text);
  check.dataset.state = arrival.state;
  if (check.textContent !== arrival.text) check.textContent = arrival.text;
}

// Return {text} of a good answer, else {trouble}: what a person should know.
async function ask(url) {
  try {
    const response = await fetch(url, { redirect: "manual" });
    if (response.type === "opaqueredirect") return { trouble: "You are logged out: reload the page." };
    if (response.ok) return { text: await response.text() };
  } catch {
    // falls through: the server is gone, or the way to it
  }
  return { trouble: "The server can't tell now." };
}

// Change `old` into `fresh` where they differ, so that focus, selection and what the mouse is over stay.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) return old.replaceWith(fresh);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const children = [...fresh.childNodes];
  while (old.childNodes.length > children.length) old.lastChild.remove();
  children.forEach((child, index) => (old.childNodes[index] ? morph(old.childNodes[index], child) : old.append(child)));
}
