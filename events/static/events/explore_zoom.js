// Drag over a chart of Explore to ask for that time alone. Each bar's link says its own time; the back button undoes it.

for (const drawing of document.querySelectorAll(".ev-explore .ev-chart svg")) {
  const bars = [...drawing.querySelectorAll("a.ev-stacked")];
  let first = null;
  let last = null;

  const at = (event) => {
    const { left, width } = drawing.getBoundingClientRect();
    const place = Math.floor(((event.clientX - left) / width) * bars.length);
    return Math.min(Math.max(place, 0), bars.length - 1);
  };
  const mark = () => {
    const [from, to] = [Math.min(first, last), Math.max(first, last)];
    bars.forEach((bar, place) => bar.classList.toggle("ev-chosen", first !== null && place >= from && place <= to));
  };

  drawing.addEventListener("dragstart", (event) => event.preventDefault());
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch") return; // a finger scrolls
    first = last = at(event);
  });
  window.addEventListener("pointermove", (event) => {
    if (first === null || at(event) === last) return;
    last = at(event);
    mark();
  });
  window.addEventListener("pointerup", () => {
    if (first === null) return;
    const [from, to] = [Math.min(first, last), Math.max(first, last)];
    if (from !== to) location.assign(span(bars[from], bars[to]));
    first = null;
  });
  drawing.addEventListener("click", (event) => {
    if (drawing.querySelector(".ev-chosen")) event.preventDefault(); // the end of a drag
  });
}

// The address of the first bar, to the end of the last.
function span(first, last) {
  const from = new URL(first.getAttribute("href"), location);
  const to = new URL(last.getAttribute("href"), location);
  from.searchParams.set("to", to.searchParams.get("to"));
  return from;
}
