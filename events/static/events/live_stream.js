// A stream of server-sent events that comes back after every interruption, and goes on after its last event.
//
// It ends only where trying again can't help: the server refuses the request, or the session is over.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30000;
const LONGEST_TOLD_PAUSE_MS = 300000; // where the server says how long
const SILENT_MS = 40000; // the server sends something every 15 s; after this, the connection is dead
const STEADY_MS = 10000; // after this, a connection counts as a good one
const TRY_LATER = [408, 425, 429];

export class LiveStream {
  #address;
  #handlers;
  #running = null; // an AbortController while it is on
  #last = ""; // the id of the newest event
  #heard = 0; // when something came
  #failures = 0; // since the last good connection
  #hurry = () => {}; // ends the pause before the next try
  #drop = () => {}; // ends the connection

  // handlers: opened(), events(list of {id, event, data}), paused(why, seconds), over(why)
  constructor(address, handlers) {
    this.#address = address;
    this.#handlers = handlers;
    setInterval(() => this.#check(), 1000);
    addEventListener("online", () => this.hurry());
  }

  get isOn() {
    return this.#running !== null;
  }

  start() {
    this.#running = new AbortController();
    this.#failures = 0;
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#drop();
    this.#hurry();
  }

  // Try again now, if it waits.
  hurry() {
    this.#hurry();
  }

  async #run(signal) {
    while (!signal.aborted) {
      const { why, isFinal, seconds = 0 } = await this.#connect(signal);
      if (signal.aborted) return;
      if (isFinal) {
        this.#running = null;
        return this.#handlers.over(why);
      }
      const told = Math.min(seconds * 1000, LONGEST_TOLD_PAUSE_MS);
      const own = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS);
      const pause = Math.max(told, own) * (1 + Math.random() / 4); // all pages come back after a restart: not at once
      this.#handlers.paused(why, Math.round(pause / 1000));
      await this.#wait(pause);
    }
  }

  // Read until the connection ends, and return why it did.
  async #connect(signal) {
    const connection = new AbortController();
    this.#drop = () => connection.abort();
    this.#heard = Date.now();
    try {
      const headers = { Accept: "text/event-stream", ...(this.#last && { "Last-Event-ID": this.#last, "X-Background": "1" }) };
      const response = await fetch(this.#address, { signal: connection.signal, headers, redirect: "manual" });
      if (response.type === "opaqueredirect") return { why: "You are logged out: reload the page.", isFinal: true };
      if (!response.ok) return await refusal(response);
      this.#handlers.opened();
      return await this.#read(response.body.pipeThrough(new TextDecoderStream()).getReader(), signal);
    } catch {
      return { why: connection.signal.aborted ? "Nothing came any more." : "The connection is lost." };
    } finally {
      connection.abort();
    }
  }

  async #read(reader, signal) {
    const opened = Date.now();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return { why: "The connection is lost." };
      this.#heard = Date.now();
      if (this.#heard - opened > STEADY_MS) this.#failures = 0;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      const events = blocks.map(parse).filter((event) => event.data !== undefined);
      const end = events.find((event) => event.event === "end");
      this.#last = events.findLast((event) => event.id)?.id ?? this.#last;
      this.#handlers.events(events.filter((event) => event !== end));
      if (end) return { why: JSON.parse(end.data).error }; // whether that is final, the next answer tells
    }
  }

  // Give up a connection that is dead though nothing says so, as after a laptop has slept.
  #check() {
    if (this.#running && Date.now() - this.#heard > SILENT_MS) this.#drop();
  }

  #wait(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.#hurry = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

// Return what an answer that is no stream says.
async function refusal(response) {
  let why = `The server answered with status ${response.status}.`;
  try {
    why = (await response.json()).error ?? why;
  } catch {}
  const seconds = Number(response.headers.get("Retry-After")) || 0; // in place of seconds, a proxy may send a date
  return { why, seconds, isFinal: response.status < 500 && !TRY_LATER.includes(response.status) };
}

// Return the members of a server-sent event; a comment has none.
function parse(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^([^:]*): ?(.*)$/s) ?? [];
    if (name) event[name] = name in event ? `${event[name]}\n${value}` : value;
  }
  return event;
}
