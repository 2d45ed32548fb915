// Explore: the parts that load when they are opened, and the keys. Without this script the rest of the page works.
//
// data-load      on details: the address of what comes into its data-loaded when it is first opened
// data-remember  on details: under which name this browser remembers whether it is open

for (const part of document.querySelectorAll("details[data-load]")) {
  part.addEventListener("toggle", () => {
    remember(part.dataset.remember, part.open ? "open" : "");
    if (part.open) load(part);
  });
  if (remembered(part.dataset.remember) === "open") part.open = true;
}

async function load(part) {
  if (part.dataset.state) return;
  part.dataset.state = "loading";
  const place = part.querySelector("[data-loaded]");
  try {
    const response = await fetch(part.dataset.load, { redirect: "manual", headers: { "X-Background": "1" } });
    if (!response.ok) throw new Error(response.type === "opaqueredirect" ? "You are logged out: reload the page." : "");
    place.innerHTML = await response.text();
    part.dataset.state = "loaded";
  } catch (error) {
    place.textContent = error instanceof TypeError || !error.message ? "The server can't tell now." : error.message;
    part.dataset.state = "";
  }
}

// Browsers that keep nothing for a page throw: then it starts closed.
function remember(name, value) {
  try {
    if (name) localStorage.setItem(name, value);
  } catch {}
}

function remembered(name) {
  try {
    return name ? localStorage.getItem(name) : null;
  } catch {
    return null;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") return leave(event.target);
  if (typing) return;
  if (event.key === "/") focusOn(event, document.getElementById("q"));
  else if (event.key === "?") document.querySelector(".ev-keys")?.showModal();
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
});

// Close the event that the focus is in, or leave a field.
function leave(target) {
  const shown = target.closest(".ev-event");
  if (!shown) return target.blur();
  shown.open = false;
  shown.querySelector("summary").focus();
}

// Go to the next event or the one before; from elsewhere to the first. A long event that is open scrolls by itself.
function step(event) {
  const rows = [...document.querySelectorAll(".ev-event > summary")];
  const at = rows.indexOf(event.target);
  if (at === -1 && event.target !== document.body) return;
  focusOn(event, rows[at === -1 ? 0 : at + (event.key === "ArrowDown" ? 1 : -1)]);
}

function focusOn(event, place) {
  if (!place) return;
  event.preventDefault();
  place.focus();
  place.select?.();
}
