// The editor of a dashboard.
//
// data-editor   the form with the text
// data-line     a link to a line of it

const editor = document.querySelector("[data-editor]");
const text = editor.elements.text;
let changed = false;

text.addEventListener("input", () => (changed = true));
editor.addEventListener("submit", () => (changed = false));
window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});

editor.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length) - 1;
  const start = lines.slice(0, line).join("\n").length + (line ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + lines[line].length);
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(line - 3, 0);
  text.scrollLeft = 0;
});
