// The opened event: its sections as tabs. Without this script they stand below each other, and the tabs are links.
//
// data-tabs   around the sections and the nav with a link for each
// data-tab    on a link: the id of its section
// data-find   on a field: what is typed there has to be in the names or values of the rows that are shown
// data-fetch  on a section: the address of what comes into it when it is first shown

let lastTab = ""; // the next event opens with the same

document.addEventListener("loaded", ({ target }) => {
  makeTabs(target);
  bringIntoSight(target.closest(".ev-event[open]"));
});
document.addEventListener(
  "toggle",
  ({ target }) => target.matches(".ev-event[open]") && bringIntoSight(target),
  true, // toggle doesn't bubble
);
makeTabs(document);

// An event that opens below the edge of the window moves up, as far as its line stays in sight.
function bringIntoSight(event) {
  event?.scrollIntoView({ block: "nearest" });
}

function makeTabs(place) {
  for (const panel of place.querySelectorAll("[data-tabs]")) {
    const tabs = [...panel.querySelectorAll("[data-tab]")];
    panel.querySelector("nav").setAttribute("role", "tablist");
    for (const tab of tabs) {
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", tab.dataset.tab);
      section(tab).setAttribute("role", "tabpanel");
      section(tab).setAttribute("aria-label", tab.textContent);
      tab.addEventListener("click", (event) => {
        event.preventDefault();
        lastTab = tab.textContent;
        choose(tabs, tab);
      });
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
        if (!next) return;
        event.preventDefault();
        next.focus();
        next.click();
      });
    }
    choose(tabs, tabs.find((tab) => tab.textContent === lastTab) ?? tabs[0]);
  }
}

function choose(tabs, chosen) {
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    section(tab).hidden = tab !== chosen;
  }
  fill(section(chosen));
}

function section(tab) {
  return document.getElementById(tab.dataset.tab);
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-find]")) return;
  const text = target.value.trim().toLowerCase();
  for (const row of target.parentElement.querySelectorAll(".ev-tree li")) row.hidden = !says(row, text);
});

// Whether the text is in a row, in one that belongs to it, or in the name of one that it belongs to.
function says(row, text) {
  const places = [...row.querySelectorAll(".ev-name, .ev-value, .ev-kind-text")];
  for (let outer = row.parentElement.closest("li"); outer; outer = outer.parentElement.closest("li")) places.push(outer.querySelector(".ev-name"));
  return places.some((place) => place.textContent.toLowerCase().includes(text));
}

async function fill(place) {
  const address = place.dataset.fetch;
  if (!address) return;
  delete place.dataset.fetch;
  try {
    const response = await fetch(address, { redirect: "manual", headers: { "X-Background": "1" } });
    if (!response.ok) throw new Error(response.type === "opaqueredirect" ? "You are logged out: reload the page." : "");
    place.innerHTML = await response.text();
    if (place.querySelector("[data-problem]")) place.dataset.fetch = address; // the next click tries again
  } catch (error) {
    place.dataset.fetch = address;
    const isAway = error instanceof TypeError || !error.message;
    const text = isAway ? "The server can't tell now. Choose the tab again to try again." : error.message;
    place.replaceChildren(Object.assign(document.createElement("p"), { className: "ev-note", role: "alert", textContent: text }));
  }
}
