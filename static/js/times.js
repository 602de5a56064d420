/* Times in the reader's own zone: <time datetime="…" data-time="full|clock|ago">. The server writes
   them in UTC, so that a part of a page stays the same until something happens. */
(() => {
  const full = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
    timeZoneName: "short",
  });
  const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const relative = new Intl.RelativeTimeFormat("en");
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const ago = (moment) => {
    const passed = (moment - Date.now()) / 1000;
    const unit = units.find(([, seconds]) => Math.abs(passed) >= seconds);
    return unit ? relative.format(Math.trunc(passed / unit[1]), unit[0]) : "just now";
  };
  const writers = {
    full: (moment) => full.format(moment), clock: (moment) => clock.format(moment), ago,
  };
  const write = () => {
    for (const time of document.querySelectorAll("time[data-time]")) {
      const moment = new Date(time.dateTime);
      const text = writers[time.dataset.time](moment);
      if (time.textContent !== text) time.textContent = text;
      const tip = exact.format(moment);
      if (time.title !== tip) time.title = tip;
    }
  };
  document.addEventListener("htmx:afterSwap", write); /* before the new part is painted */
  window.setInterval(write, 20000);
  write();
})();
