// Completes paths and values in Explore's search line, from the fields of the dataset's events in the time frame.
// They are read once, when somebody begins to type. While that takes long, and when it failed, a note says so.

const line = document.getElementById("q");
const list = document.getElementById("completions");
const note = document.getElementById("completing");
const MOST = 8;
const PATIENCE_MS = 300; // a note before that would only flicker
const RETRY_MS = 5000; // after a failure, typing asks again, but not sooner
let known = null; // [{path, terms}]
let reading = null; // promise of the end of what is being read
let failure = "";
let retryAt = 0;
let offered = [];
let chosen = -1;

if (line && list) {
  line.setAttribute("role", "combobox");
  line.setAttribute("aria-controls", list.id);
  line.setAttribute("aria-expanded", "false");
  line.addEventListener("input", offer);
  line.addEventListener("blur", () => (show([]), tell("")));
  line.addEventListener("keydown", (event) => {
    if (!offered.length) return;
    if (event.key === "ArrowDown") choose(event, (chosen + 1) % offered.length);
    else if (event.key === "ArrowUp") choose(event, (chosen + offered.length) % (offered.length + 1) - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) take(event, offered[chosen]);
    else if (event.key === "Escape") choose(event, -1), show([]);
  });
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(event, option.dataset.text);
  });
}

async function offer() {
  const word = wordBefore();
  if (!word) return show([]), tell("");
  if (!known) await read();
  if (word !== wordBefore() || document.activeElement !== line) return; // a later key offers
  show(known ? completions(known, word) : []);
}

// Read the fields, unless that failed a moment ago. Typing works without.
function read() {
  if (!reading && Date.now() < retryAt) return tell(failure);
  reading ??= readFields();
  return reading;
}

// What is being typed: the text before the cursor from the last space or parenthesis that isn't in quotation marks, without a minus.
function wordBefore() {
  const text = line.value.slice(0, line.selectionStart);
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"' && text[at - 1] !== "\\") quoted = !quoted;
    else if (!quoted && /[\s()]/.test(text[at])) start = at + 1;
  }
  return text.slice(start).replace(/^-/, "");
}

function completions(fields, word) {
  const typed = word.toLowerCase();
  const holds = (text) => text && text !== word && text.toLowerCase().includes(typed);
  const found = word.includes(":")
    ? fields.flatMap(({ terms }) => terms).filter((term) => holds(term) && term.toLowerCase().startsWith(typed.split(":")[0]))
    : fields.map(({ path }) => path && `${path}:`).filter(holds);
  const begins = (text) => text.toLowerCase().startsWith(typed);
  return [...found.filter(begins), ...found.filter((text) => !begins(text))].slice(0, MOST);
}

async function readFields() {
  const timer = setTimeout(() => tell("Reading the fields for completions…"), PATIENCE_MS);
  line.setAttribute("aria-busy", "true");
  try {
    known = await fetchFields();
    failure = "";
  } catch (error) {
    failure = error instanceof Problem ? error.message : "The server can't tell now.";
    failure = `No completions: ${failure} Typing on tries again.`;
    retryAt = Date.now() + RETRY_MS;
  }
  clearTimeout(timer);
  line.removeAttribute("aria-busy");
  reading = null;
  tell(failure);
}

class Problem extends Error {}

async function fetchFields() {
  const response = await fetch(line.dataset.fields, { redirect: "manual", headers: { "X-Background": "1" } });
  if (response.type === "opaqueredirect") throw new Problem("You are logged out.");
  if (!response.ok) throw new Problem("The server can't tell now.");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const problem = page.querySelector("[role=alert]");
  if (problem) throw new Problem(problem.textContent);
  return [...page.querySelectorAll(".ev-field")].map((field) => ({
    path: field.dataset.path,
    terms: [...field.querySelectorAll("[data-term]")].map((value) => value.dataset.term),
  }));
}

// Say something below the line, over what is there, for as long as somebody types.
function tell(text) {
  const shown = document.activeElement === line ? text : "";
  if (note.textContent !== shown) note.textContent = shown;
}

function show(texts) {
  offered = texts;
  chosen = -1;
  list.replaceChildren(
    ...texts.map((text, place) => {
      const option = document.createElement("li");
      Object.assign(option, { id: `completion-${place}`, textContent: text });
      option.setAttribute("role", "option");
      option.dataset.text = text;
      return option;
    }),
  );
  list.hidden = !texts.length;
  line.setAttribute("aria-expanded", String(Boolean(texts.length)));
  line.removeAttribute("aria-activedescendant");
}

function choose(event, place) {
  event.preventDefault();
  event.stopPropagation();
  chosen = place;
  [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
  if (place >= 0) line.setAttribute("aria-activedescendant", list.children[place].id);
  else line.removeAttribute("aria-activedescendant");
}

function take(event, text) {
  event.preventDefault();
  const end = line.selectionStart;
  const start = end - wordBefore().length;
  const space = text.endsWith(":") ? "" : " ";
  line.setRangeText(text + space, start, end, "end");
  show([]);
  if (!space) offer();
}
