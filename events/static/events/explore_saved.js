// Remembers the last questions of an account in this browser, and closes Explore's menus.
//
// data-recent   on a menu: under which name the browser keeps them
// data-address, data-text, data-frame  the question that the page shows; without them it isn't one to remember

const MOST_RECENT = 20;
const recent = document.querySelector("details[data-recent]");

if (recent) {
  const { recent: name, address, text, frame } = recent.dataset;
  const before = remembered(name);
  const now = address ? [{ address, text, frame }, ...before.filter((one) => one.text !== text)] : before;
  if (address) remember(name, now.slice(0, MOST_RECENT));
  const others = now.filter((one) => one.address !== address);
  recent.querySelector("ul").replaceChildren(...others.map(entry));
  recent.hidden = !others.length;
}

function entry({ address, text, frame }) {
  const link = document.createElement("a");
  link.href = location.pathname + address;
  link.textContent = text;
  const when = document.createElement("span");
  when.className = "text-subtle";
  when.textContent = ` · ${frame}`;
  link.append(when);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

// What others wrote under that name is left out. A browser may keep nothing.
function remembered(name) {
  try {
    const kept = JSON.parse(localStorage.getItem(name)) ?? [];
    return kept.filter((one) => typeof one.text === "string" && typeof one.frame === "string" && one.address?.startsWith("?"));
  } catch {
    return [];
  }
}

function remember(name, questions) {
  try {
    localStorage.setItem(name, JSON.stringify(questions));
  } catch {
    // full, or forbidden
  }
}

// Who opens the form to save wants to write the name.
document.addEventListener(
  "toggle",
  ({ target }) => target.matches(".ev-menu[open]") && target.querySelector("input:not([type=hidden])")?.focus(),
  true, // toggle doesn't bubble
);
// Names have no spaces and no capital letters; nobody has to know that.
document.getElementById("saved-name")?.addEventListener("input", ({ target }) => {
  const name = target.value.toLowerCase().replaceAll(/\s/g, "-");
  if (name !== target.value) target.value = name;
});
document.addEventListener("pointerdown", ({ target }) => {
  for (const menu of document.querySelectorAll(".ev-menu[open]")) menu.open = menu.contains(target);
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".ev-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
