// What a bar says, beside the pointer; the browser's own tooltip comes late. Drag over a chart to ask for that time alone: in Explore, or with all panels of a dashboard. Each bar's link says its
// own time; the back button undoes it.
//
// data-zoom   around the charts: "page" if this page's address gets the time, otherwise the bar's link does

const tip = document.createElement("p");
tip.className = "ev-tip";
tip.setAttribute("aria-hidden", "true"); // the bar's label says it

let drag = null; // the drawing, its bars, and the places of the bars where it began and where it is

document.addEventListener("dragstart", (event) => {
  if (drawingOf(event)) event.preventDefault();
});
document.addEventListener("pointerdown", (event) => {
  document.querySelectorAll(".ev-chosen").forEach((bar) => bar.classList.remove("ev-chosen"));
  const drawing = drawingOf(event);
  if (!drawing || event.button || event.pointerType === "touch") return; // a finger scrolls
  drag = { drawing, bars: [...drawing.querySelectorAll("a.ev-stacked")] };
  drag.first = drag.last = place(event);
});
document.addEventListener("pointermove", (event) => {
  if (!drag || place(event) === drag.last) return;
  drag.last = place(event);
  const [from, to] = ends();
  drag.bars.forEach((bar, at) => bar.classList.toggle("ev-chosen", at >= from && at <= to));
});
document.addEventListener("pointerup", () => {
  if (drag && drag.first !== drag.last) location.assign(address());
  drag = null;
});
document.addEventListener("click", (event) => {
  if (drawingOf(event)?.querySelector(".ev-chosen")) event.preventDefault(); // the end of a drag
});

document.addEventListener("pointerover", ({ target, clientX, pointerType }) => {
  const bar = pointerType === "mouse" && target.closest?.(".ev-chart a.ev-stacked");
  tip.hidden = !bar;
  if (!bar) return;
  const title = bar.querySelector("title");
  if (title) {
    bar.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  tip.textContent = bar.getAttribute("aria-label");
  const chart = bar.closest(".ev-chart");
  chart.append(tip);
  const { left, width } = chart.getBoundingClientRect();
  const isLeft = clientX < left + width / 2;
  tip.style.left = isLeft ? `${clientX - left + 16}px` : "";
  tip.style.right = isLeft ? "" : `${left + width - clientX + 16}px`;
});

function drawingOf({ target }) {
  return target.closest?.("[data-zoom] .ev-chart svg");
}

function place(event) {
  const { left, width } = drag.drawing.getBoundingClientRect();
  const at = Math.floor(((event.clientX - left) / width) * drag.bars.length);
  return Math.min(Math.max(at, 0), drag.bars.length - 1);
}

function ends() {
  return [Math.min(drag.first, drag.last), Math.max(drag.first, drag.last)];
}

// From the start of the first bar to the end of the last.
function address() {
  const [from, to] = ends().map((at) => new URL(drag.bars[at].getAttribute("href"), location));
  const asked = drag.drawing.closest("[data-zoom]").dataset.zoom === "page" ? new URL(location) : from;
  asked.searchParams.set("from", from.searchParams.get("from"));
  asked.searchParams.set("to", to.searchParams.get("to"));
  return asked;
}
