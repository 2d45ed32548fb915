// The palette: Ctrl+K, or the button in the header, finds pages and what has a name. The server finds; this shows it.
{
  const PAUSE_MS = 150; // between the last key and the question
  let asked = ""; // what the lines shown, or on their way, are for
  let asking = null; // AbortController of the question on its way
  let timer;
  let goes = null; // the key that chose the first line before it was there

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) open(event);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) open(event);
    else if (event.target === palette()) palette().close(); // beside it
  });
  document.addEventListener("input", (event) => {
    if (event.target === line()) wait();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== line() || event.isComposing) return;
    if (event.key === "ArrowDown") move(event, 1);
    else if (event.key === "ArrowUp") move(event, -1);
    else if (event.key === "Enter") go(event);
  });

  function palette() {
    return document.getElementById("palette");
  }

  function line() {
    return document.getElementById("search-input-command");
  }

  function options() {
    return [...palette().querySelectorAll("[role=option]")];
  }

  function open(event) {
    if (!palette()) return;
    event.preventDefault();
    if (!palette().open) palette().showModal();
    line().select();
    line().focus();
    if (!line().value) show("", note().dataset.idle);
  }

  function wait() {
    clearTimeout(timer);
    goes = null;
    if (line().value.trim()) timer = setTimeout(ask, PAUSE_MS);
    else {
      stop();
      show("", note().dataset.idle);
    }
  }

  function stop() {
    clearTimeout(timer);
    asking?.abort();
    asking = null;
    asked = "";
    palette().removeAttribute("aria-busy");
  }

  // Ask for what is typed. The lines of before stay until the answer comes, so that nothing jumps.
  async function ask() {
    const text = line().value.trim();
    if (text === asked) return;
    stop();
    asked = text;
    const mine = (asking = new AbortController());
    palette().setAttribute("aria-busy", "true");
    const answer = await read(text, mine.signal);
    if (asking !== mine) return;
    asking = null;
    palette().removeAttribute("aria-busy");
    if (answer.failure) asked = ""; // the next key asks again
    show(answer.lines ?? "", answer.failure ?? answer.note);
    const chosenAhead = !answer.failure && goes;
    goes = null;
    if (chosenAhead) go(chosenAhead);
  }

  // Return {lines, note} of a good reply, otherwise {failure}: a message for the user.
  async function read(text, signal) {
    try {
      const address = `${palette().dataset.search}?${new URLSearchParams({ s: text.replaceAll("\0", "") })}`;
      const response = await fetch(address, { redirect: "manual", signal });
      if (response.type === "opaqueredirect") return { failure: "You are logged out: reload the page." };
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        return { lines: page.querySelector("div").innerHTML, note: page.querySelector("p")?.textContent ?? "" };
      }
    } catch {
      // falls through: the server or the network is down
    }
    return { failure: "The server can't tell now. Type on to try again." };
  }

  function note() {
    return palette().querySelector("[role=status]");
  }

  function show(lines, text) {
    document.getElementById("palette-found").innerHTML = lines;
    note().textContent = text;
    line().setAttribute("aria-expanded", String(options().length > 0));
    choose(options()[0]);
  }

  function choose(option) {
    for (const one of options()) one.setAttribute("aria-selected", String(one === option));
    if (option) line().setAttribute("aria-activedescendant", option.id);
    else line().removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function chosen() {
    return palette().querySelector("[aria-selected=true]");
  }

  function move(event, step) {
    const all = options();
    event.preventDefault();
    if (all.length) choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
  }

  // Go to the chosen line; with Ctrl in a new tab. Fast fingers press Enter before the lines are there.
  function go(event) {
    event.preventDefault();
    if (line().value.trim() !== asked) ask();
    if (asking) {
      goes = event;
      return;
    }
    const address = chosen()?.href;
    if (!address) return;
    if (event.ctrlKey || event.metaKey) return window.open(address, "_blank");
    palette().close(); // "back" shows the page without it
    location.assign(address);
  }
}
