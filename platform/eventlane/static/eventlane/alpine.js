// What Unfold's pages need so that Alpine gets along without eval, which the console's policy forbids.
//
// Alpine's build for such policies (unfold/js/alpine/alpine.js, instead of Unfold's own) reads expressions by itself. It knows
// no globals, no statements and no arrow functions: the few of them in Unfold's pages are replaced here before Alpine starts.

document.addEventListener("alpine:init", () => {
  Alpine.data("theme", (...chosen) => Object.assign(theme(...chosen), standIns));
  Alpine.data("searchForm", searchForm);
  Alpine.data("searchCommand", searchCommand);
  document.body.setAttribute("x-init", hasTabs() ? "activeTab = currentTab() || activeTab" : "");
  replace("x-on:keydown.enter.prevent", /^if \((.*?)\) (.*)$/s, "($1) && $2");
});

// Names in expressions that are globals elsewhere, and functions instead of statements.
const standIns = {
  localStorage: { getItem: (name) => localStorage.getItem(name) },
  window: { location: { pathname: location.pathname, search: location.search } },
  currentTab: () => getCurrentTab(),
  remembered(isOpen) {
    localStorage.setItem("sidebarDesktopOpen", isOpen ? "1" : "0");
    return isOpen;
  },
};

function hasTabs() {
  return document.body.getAttribute("x-data").includes("activeTab:");
}

function replace(attribute, pattern, expression) {
  for (const element of document.querySelectorAll(`[${CSS.escape(attribute)}]`)) {
    const found = element.getAttribute(attribute).trim();
    if (pattern.test(found)) element.setAttribute(attribute, found.replace(pattern, expression));
  }
}

// On a phone, the menu lies over the page: who opens it by keyboard is in it, and afterwards back where they were.
document.addEventListener("click", ({ target }) => {
  const place = target.closest("[data-focuses]")?.dataset.focuses;
  if (place) requestAnimationFrame(() => document.getElementById(place).focus());
});
document.addEventListener("keydown", ({ key }) => {
  const close = document.getElementById("menu-close");
  if (key === "Escape" && close?.checkVisibility() && !document.querySelector("dialog[open]")) close.click();
});
