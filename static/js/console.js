// A console in the page: xterm.js for a serial line, noVNC for a screen, over one WebSocket that comes back by itself.
// The box says which (data-kind) and where (data-path); its token is in the page's address, or is asked for at data-ask.

const PROTOCOL = "console.cloudweb";
const box = document.getElementById("guest-console");
const state = document.getElementById("guest-console-state");
const again = document.getElementById("guest-console-again");
const kept = document.getElementById("guest-console-kept");
let next = new URLSearchParams(location.search).get("token") || "";
let wait = 500;
let last = "";

function say(text, tone) {
  state.textContent = text;
  state.dataset.tone = tone;
}

async function ask() {
  if (!box.dataset.ask) return "";
  const answer = await fetch(box.dataset.ask, {
    method: "POST",
    headers: { "X-CSRFToken": box.dataset.csrf, "HX-Request": "true" },
  });
  if (!answer.ok) {
    last = (await answer.json().catch(() => ({}))).error || "The console cannot be opened now.";
    return "";
  }
  return (await answer.json()).token;
}

function open(token) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const at = `${scheme}://${location.host}${box.dataset.path}?token=${encodeURIComponent(token)}`;
  const socket = new WebSocket(at, PROTOCOL);
  socket.binaryType = "arraybuffer";
  return socket;
}

// Text messages are about the line, binary ones are the guest's.
function hear(message) {
  const said = JSON.parse(message);
  if ("next" in said) next = said.next;
  if ("recorded" in said) {
    kept.textContent = said.recorded;
    kept.hidden = false;
  }
  last = said.error || "";
}

async function line(attach) {
  again.hidden = true;
  const token = next || (await ask());
  next = "";
  if (!token) {
    say(last || "This console's address was used already: open the console again.", "danger");
    again.hidden = !box.dataset.ask;
    return;
  }
  say("Connecting …", "busy");
  const socket = open(token);
  attach(socket);
  socket.addEventListener("open", () => {
    last = "";
  });
  socket.addEventListener("message", (event) => {
    if (typeof event.data === "string") {
      hear(event.data);
      if (!last) {
        wait = 500;
        say("Connected", "success");
      }
    }
  });
  socket.addEventListener("close", () => {
    if (!next && !box.dataset.ask) {
      say(last || "The console is closed.", "danger");
      return;
    }
    if (!next && last) {
      say(last, "danger");
      again.hidden = false;
      return;
    }
    say(`${last || "The line broke"} – trying again …`, "warning");
    setTimeout(() => line(attach), wait);
    wait = Math.min(wait * 2, 8000);
  });
}

async function serial() {
  const { Terminal } = await import(box.dataset.xterm);
  const { FitAddon } = await import(box.dataset.fit);
  const terminal = new Terminal({ cursorBlink: true, fontSize: 14, scrollback: 5000, screenReaderMode: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(box);
  fit.fit();
  new ResizeObserver(() => fit.fit()).observe(box);
  terminal.focus();
  let socket;
  const typed = new TextEncoder();
  terminal.onData((text) => {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(typed.encode(text));
  });
  let first = true;
  return (made) => {
    socket = made;
    if (!first) terminal.reset(); // what was there comes again with the line
    first = false;
    made.addEventListener("message", (event) => {
      if (typeof event.data !== "string") terminal.write(new Uint8Array(event.data));
    });
  };
}

// noVNC takes anything that looks like a WebSocket: here one without the words about the line.
class Channel {
  constructor(socket) {
    this.socket = socket;
    this.binaryType = "arraybuffer";
    this.protocol = "";
    this.onopen = this.onmessage = this.onclose = this.onerror = null;
    socket.addEventListener("open", (event) => this.onopen?.(event));
    socket.addEventListener("error", (event) => this.onerror?.(event));
    socket.addEventListener("close", (event) => this.onclose?.(event));
    socket.addEventListener("message", (event) => {
      if (typeof event.data !== "string") this.onmessage?.(event);
    });
  }
  get readyState() {
    return this.socket.readyState;
  }
  send(data) {
    this.socket.send(data);
  }
  close(...why) {
    this.socket.close(...why);
  }
}

async function screen() {
  const { default: RFB } = await import(box.dataset.rfb);
  let rfb;
  return (socket) => {
    rfb?.disconnect();
    box.replaceChildren();
    rfb = new RFB(box, new Channel(socket), { shared: true });
    rfb.scaleViewport = true;
    rfb.focusOnClick = true;
    window.guestScreen = rfb;
  };
}

const attach = await (box.dataset.kind === "serial" ? serial() : screen());
again.addEventListener("click", () => line(attach));
line(attach);
