// Copy buttons. data-copy names the element whose text or value is copied; data-copy-text is the text itself, and
// data-copy-json is it as a text in JSON, which holds also what an attribute can't.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-json]");
  if (!button) return;
  const { copy: id, copyText, copyJson } = button.dataset;
  const copied = await (id ? copy(document.getElementById(id)) : copyThe(copyText ?? JSON.parse(copyJson)));
  button.dataset.label ??= button.textContent;
  button.textContent = copied ? "Copied" : "Press Ctrl+C";
  setTimeout(() => (button.textContent = button.dataset.label), 2500);
});

// Submit a choice at once; the button beside it is for browsers without scripts.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select]")) event.target.select();
});

// For pages shown once: a reload goes to the page in data-reload, so that nothing is created twice.
document.addEventListener("DOMContentLoaded", () => {
  const shown = document.querySelector("[data-reload]");
  if (shown) history.replaceState(null, "", shown.dataset.reload);
});

async function copy(source) {
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers hide the clipboard from pages loaded over plain HTTP from another machine: select, then copy the old way.
    select(source);
    return document.execCommand("copy");
  }
}

async function copyThe(text) {
  const place = document.body.appendChild(document.createElement("textarea"));
  place.value = text;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    select(place);
    return document.execCommand("copy");
  } finally {
    place.remove();
  }
}

function select(source) {
  if (source.select) return source.select();
  window.getSelection().selectAllChildren(source);
}
