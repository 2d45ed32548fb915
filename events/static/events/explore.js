// The keys of Explore.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") return leave(event);
  if (typing) return;
  if (event.key === "/") focusOn(event, document.getElementById("q"));
  else if (event.key === "?") document.querySelector(".ev-keys")?.showModal();
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
});

// On a phone, what is asked less often unfolds.
document.querySelector("[data-unfold]")?.addEventListener("click", ({ currentTarget }) => {
  const unfolded = document.querySelector(".ev-folds").classList.toggle("ev-unfolded");
  currentTarget.setAttribute("aria-expanded", String(unfolded));
});

// Close the event that the focus is in, or leave a field.
function leave(event) {
  const shown = event.target.closest(".ev-event");
  if (!shown) {
    event.preventDefault(); // a browser would empty the search
    return event.target.blur();
  }
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
