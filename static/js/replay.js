// A recorded console in the page: the lines of an asciicast, written to xterm.js when their time has come.

const box = document.getElementById("guest-console");
const play = document.getElementById("replay-play");
const slider = document.getElementById("replay-at");
const shown = document.getElementById("replay-time");
const speed = document.getElementById("replay-speed");
// Where nothing was shown for longer, so many seconds pass.
const LONGEST = 2;

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Pieces with the time at which they are played: long silences are short.
function timed(lines) {
  let before = 0;
  let at = 0;
  return lines
    .map((line) => JSON.parse(line))
    .filter((piece) => piece[1] === "o")
    .map(([time, , text]) => {
      at += Math.min(Math.max(time - before, 0), LONGEST);
      before = time;
      return { at, text };
    });
}

async function read() {
  const answer = await fetch(box.dataset.cast);
  if (!answer.ok) throw new Error("The recording cannot be read now.");
  const [first, ...lines] = (await answer.text()).split("\n").filter(Boolean);
  return { head: JSON.parse(first), pieces: timed(lines) };
}

async function begin() {
  const [{ Terminal }, { head, pieces }] = await Promise.all([import(box.dataset.xterm), read()]);
  const terminal = new Terminal({
    cols: head.width,
    rows: head.height,
    fontSize: 14,
    scrollback: 5000,
    disableStdin: true,
    screenReaderMode: true,
  });
  terminal.open(box);
  const end = pieces.length ? pieces[pieces.length - 1].at : 0;
  let now = 0;
  let next = 0;
  let last = 0; // when a frame was drawn, 0 while it stands still

  function show(until) {
    if (until < now) {
      terminal.reset();
      next = 0;
    }
    now = until;
    let text = "";
    for (; next < pieces.length && pieces[next].at <= now; next += 1) text += pieces[next].text;
    if (text) terminal.write(text);
    slider.value = String(now);
    shown.textContent = `${clock(now)} of ${clock(end)}`;
  }

  function stop() {
    last = 0;
    play.textContent = now < end ? "Play" : "Play again";
  }

  function frame(time) {
    if (!last) return;
    show(Math.min(now + ((time - last) / 1000) * Number(speed.value), end));
    last = time;
    if (now < end) requestAnimationFrame(frame);
    else stop();
  }

  play.addEventListener("click", () => {
    if (last) {
      stop();
      return;
    }
    if (now >= end) show(0);
    last = performance.now();
    play.textContent = "Pause";
    requestAnimationFrame(frame);
  });
  slider.addEventListener("input", () => show(Number(slider.value)));
  slider.max = String(end);
  slider.disabled = play.disabled = false;
  show(0);
}

begin().catch((error) => {
  shown.textContent = error.message;
});
