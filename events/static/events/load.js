// Parts of a page that load when they are opened. Without this script they are links.
//
// What takes long says so, and what failed is asked for anew when it is opened again.
//
// data-load      on details: the address of what comes into its data-loaded when it is first opened
// data-remember  on details: under which name this browser remembers whether it is open

const PATIENCE_MS = 300; // a note before that would only flicker

document.addEventListener(
  "toggle",
  ({ target: part }) => {
    if (!part.matches("details[data-load]")) return;
    remember(part.dataset.remember, part.open ? "open" : "");
    if (part.open) load(part);
  },
  true, // toggle doesn't bubble
);
for (const part of document.querySelectorAll("details[data-remember]")) {
  if (remembered(part.dataset.remember) === "open") part.open = true;
}

async function load(part) {
  if (part.dataset.state) return;
  part.dataset.state = "loading";
  const place = part.querySelector("[data-loaded]");
  const timer = setTimeout(() => say(place, "status", "Reading the events…"), PATIENCE_MS);
  try {
    const response = await fetch(part.dataset.load, { redirect: "manual", headers: { "X-Background": "1" } });
    if (!response.ok) throw new Error(response.type === "opaqueredirect" ? "You are logged out: reload the page." : "");
    place.innerHTML = await response.text();
    part.dataset.state = place.querySelector("[data-problem]") ? "" : "loaded"; // opened again, it is asked again
    place.dispatchEvent(new CustomEvent("loaded", { bubbles: true }));
  } catch (error) {
    const isAway = error instanceof TypeError || !error.message;
    say(place, "alert", isAway ? "The server can't tell now. Close this and open it to try again." : error.message);
    part.dataset.state = "";
  } finally {
    clearTimeout(timer);
  }
}

function say(place, role, text) {
  const line = Object.assign(document.createElement("p"), { className: "ev-note", role, textContent: text });
  place.replaceChildren(line);
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
