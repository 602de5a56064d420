/* What pages do beyond links and forms: live parts, questions before harm, toasts, copying. */
(() => {
  /* Live parts: <div data-live="URL" data-every="2"> replaces itself by morphing, faster while
     something is under way. It rests while the page is hidden or a menu in it is open. Asked with
     the tag it carries, the cloud answers 304 and no more while it is as it was. */
  const due = new WeakMap();
  const refresh = (part) => {
    due.set(part, Date.now() + Number(part.dataset.every) * 1000);
    const headers = part.dataset.etag ? { "If-None-Match": `W/"${part.dataset.etag}"` } : {};
    window.htmx.ajax("GET", part.dataset.live, {
      source: part, target: part, swap: "morph:outerHTML", headers,
    });
  };
  const tick = () => {
    if (document.hidden) return;
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!due.has(part)) due.set(part, Date.now() + Number(part.dataset.every) * 1000);
      const soon = Date.now() + Number(part.dataset.every) * 1000;
      if (due.get(part) > soon) due.set(part, soon);
      const held = part.querySelector(".dropdown-menu.show, [data-hold]:focus-within");
      if (Date.now() >= due.get(part) && !held) refresh(part);
    }
  };
  window.setInterval(tick, 250);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("changed", () => {
    document.querySelectorAll("[data-live]").forEach(refresh);
  });

  /* The cloud away, and found again. */
  const offline = document.getElementById("offline");
  const connected = (yes) => { if (offline) offline.hidden = yes; };
  document.addEventListener("htmx:sendError", () => connected(false));
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    if (status) connected(status < 500);
  });

  /* Toasts: from the server's HX-Trigger header, or from anywhere in here. */
  const toast = (text, tone) => {
    const box = document.getElementById("toasts");
    const item = document.getElementById("toast").content.firstElementChild.cloneNode(true);
    item.classList.add(`tone-${tone}`);
    item.querySelector(".toast-text").textContent = text;
    box.append(item);
    leave(item);
  };
  const leave = (item) => {
    item.querySelector("button").addEventListener("click", () => item.remove());
    if (!item.classList.contains("tone-danger")) window.setTimeout(() => item.remove(), 6000);
  };
  document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.tone));
  document.querySelectorAll("#toasts > *").forEach(leave);

  /* Questions: <form data-ask="Delete web-1?" data-ask-text="…" data-ask-yes="Delete">,
     data-ask-mild where nothing is lost. */
  const dialog = document.getElementById("question");
  let asking = null;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.ask || form.dataset.agreed) {
      delete form.dataset.agreed;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    asking = form;
    dialog.querySelector("[data-title]").textContent = form.dataset.ask;
    dialog.querySelector("[data-text]").textContent = form.dataset.askText || "";
    const yes = dialog.querySelector("[data-yes]");
    yes.textContent = form.dataset.askYes || "Yes";
    yes.classList.toggle("btn-primary", "askMild" in form.dataset);
    yes.classList.toggle("btn-danger", !("askMild" in form.dataset));
    dialog.returnValue = "";
    dialog.showModal();
  }, true);
  if (dialog) {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes" || !asking) return;
      asking.dataset.agreed = "yes";
      asking.requestSubmit();
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  /* Copy: <button data-copy="text"> or data-copy-from="id". Save: a text as a file. */
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy], [data-copy-from]");
    if (copy) {
      const source = document.getElementById(copy.dataset.copyFrom || "");
      const text = source ? source.textContent : copy.dataset.copy;
      try {
        await navigator.clipboard.writeText(text);
      } catch { /* no secure context: the old way */
        const area = document.createElement("textarea");
        area.value = text;
        area.className = "visually-hidden";
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      toast("Copied.", "success");
    }
    const save = event.target.closest("[data-save]");
    if (save) {
      const link = document.createElement("a");
      const text = document.getElementById(save.dataset.saveFrom).textContent;
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      link.download = save.dataset.save;
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
    const open = event.target.closest("[data-opens]");
    if (open) document.getElementById(open.dataset.opens).showModal();
    const close = event.target.closest("[data-closes]");
    if (close) close.closest("dialog").close();
  });
  document.querySelectorAll("dialog[data-open]").forEach((box) => box.showModal());

  /* On a phone the tabs scroll: the lit one is in sight. */
  const lit = document.querySelector(".tabs [aria-current]");
  if (lit) lit.parentElement.scrollLeft = lit.offsetLeft - lit.parentElement.offsetLeft - 16;

  /* The console follows its end until the reader scrolls up. */
  const follow = () => {
    const log = document.getElementById("console");
    const wanted = document.getElementById("follow");
    if (log && wanted && wanted.checked) log.scrollTop = log.scrollHeight;
  };
  document.addEventListener("htmx:afterSettle", follow);
  document.addEventListener("change", (event) => { if (event.target.id === "follow") follow(); });
  document.addEventListener("scroll", (event) => {
    const wanted = document.getElementById("follow");
    if (event.target.id !== "console" || !wanted) return;
    const log = event.target;
    wanted.checked = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  }, true);
  follow();

  /* A button is pressed once. */
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const button = event.submitter;
    if (button && !event.target.hasAttribute("hx-post")) {
      window.setTimeout(() => { button.disabled = true; button.classList.add("btn-loading"); });
    }
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
