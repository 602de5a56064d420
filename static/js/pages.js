/* What pages do beyond links and forms: live parts, questions before harm, toasts, copying. */
(() => {
  /* Live parts: <div data-live="URL" data-every="2"> replaces itself by morphing, faster while
     something is under way; without data-every only when something was done here. It rests while the page is hidden, a menu in it is open or a question is asked. Asked with
     the tag it carries, the cloud answers 304 and no more while it is as it was. */
  const due = new WeakMap();
  const refresh = (part) => {
    due.set(part, Date.now() + Number(part.dataset.every) * 1000);
    const headers = part.dataset.etag ? { "If-None-Match": `W/"${part.dataset.etag}"` } : {};
    window.htmx.ajax("GET", part.dataset.live, {
      source: part, target: part, swap: "morph:outerHTML", headers,
    });
  };
  const dialog = document.getElementById("question");
  const tick = () => {
    if (document.hidden || dialog?.open) return;
    for (const part of document.querySelectorAll("[data-live][data-every]")) {
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
  document.addEventListener("toasts", (event) => {
    for (const one of event.detail.all) toast(one.text, one.tone);
  });
  document.querySelectorAll("#toasts > *").forEach(leave);

  /* Questions, of a form or of the button that sends it: data-ask="Delete web-1?",
     data-ask-text="…", data-ask-yes="Delete", data-ask-mild where nothing is lost. */
  let asking = null;
  let agreed = null;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const asks = [event.submitter, form].find((one) => one && one.dataset.ask);
    if (!asks || agreed === asks) {
      agreed = null;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    asking = { form, asks, button: event.submitter };
    const all = asks.name === "action"; /* one for all that are chosen says {} */
    dialog.querySelector("[data-title]").textContent =
      all ? asks.dataset.ask.replace("{}", howMany()) : asks.dataset.ask;
    dialog.querySelector("[data-text]").textContent = asks.dataset.askText || "";
    const yes = dialog.querySelector("[data-yes]");
    yes.textContent = asks.dataset.askYes || "Yes";
    yes.classList.toggle("btn-primary", "askMild" in asks.dataset);
    yes.classList.toggle("btn-danger", !("askMild" in asks.dataset));
    dialog.returnValue = "";
    dialog.showModal();
  }, true);
  if (dialog) {
    dialog.addEventListener("close", () => {
      const { form, asks, button } = asking || {};
      asking = null;
      if (dialog.returnValue !== "yes" || !form) return;
      if (!asks.isConnected) {
        toast("The page changed meanwhile, and nothing was done. Look again.", "danger");
        return;
      }
      agreed = asks;
      form.requestSubmit(button);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  /* Lists: rows are chosen, and stay so while they are looked at anew. */
  const chosen = new Set();
  const boxes = () => [...document.querySelectorAll("[form=act][name=chosen]")];
  const howMany = () => {
    const { one, many } = document.querySelector(".bulk")?.dataset || {};
    return `${chosen.size} ${chosen.size === 1 ? one : many}`;
  };
  const count = () => {
    const all = document.querySelector("[data-choose-all]");
    const here = boxes();
    if (all) {
      all.checked = here.length > 0 && here.every((box) => box.checked);
      all.indeterminate = !all.checked && here.some((box) => box.checked);
    }
    const said = document.querySelector(".bulk-count");
    if (said) said.textContent = chosen.size ? `${howMany()} chosen` : "With those chosen:";
  };
  const choose = (wanted) => {
    for (const box of boxes()) {
      box.checked = wanted(box);
      if (box.checked) chosen.add(box.value); else chosen.delete(box.value);
    }
    count();
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[form=act][name=chosen]")) choose((box) => box.checked);
    if (event.target.matches("[data-choose-all]")) choose(() => event.target.checked);
    if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-choose-none]")) choose(() => false);
  });
  const chooseAgain = () => {
    const before = new Set(chosen);
    chosen.clear();
    choose((box) => before.has(box.value));
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "rows") chooseAgain();
  });
  choose((box) => box.checked); /* a browser that goes back remembers them, too */

  /* What is done with rows is done without a reload; what happened is said in toasts. */
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!("acts" in form.dataset) || event.defaultPrevented) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const values = new FormData(form, event.submitter);
    if (!values.has("one")) choose(() => false);
    await window.htmx.ajax("POST", form.getAttribute("action"), {
      source: document.getElementById("toasts"), swap: "none", values,
    });
  });

  /* A search as one types: the address follows. Nothing is sent of what was left empty. */
  document.addEventListener("htmx:afterSwap", (event) => {
    const { elt } = event.detail.requestConfig || {};
    if (!elt || !elt.closest("[data-finds]")) return;
    const found = new URL(event.detail.pathInfo.finalRequestPath, window.location.href);
    for (const [name, word] of [...found.searchParams]) if (!word) found.searchParams.delete(name);
    window.history.replaceState(window.history.state, "", found);
  });
  document.addEventListener("submit", (event) => {
    if (!("finds" in event.target.dataset)) return;
    for (const field of event.target.elements) if (!field.value) field.disabled = true;
  });

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
    const box = open && document.getElementById(open.dataset.opens);
    if (box) {
      event.preventDefault();
      box.showModal();
    }
    const close = event.target.closest("[data-closes]");
    if (close) {
      event.preventDefault();
      close.closest("dialog").close();
    }
  });
  document.querySelectorAll("dialog[data-open]").forEach((box) => {
    box.close(); /* it is open, but in the way of nothing, for those without scripts */
    box.showModal();
  });

  /* A slider beside a number, which counts: <input type="range" data-mirrors="id of the number" hidden>. */
  document.querySelectorAll("[data-mirrors]").forEach((slider) => {
    const number = document.getElementById(slider.dataset.mirrors);
    slider.hidden = false;
    slider.addEventListener("input", () => { number.value = slider.value; });
    number.addEventListener("input", () => { slider.value = number.value; });
  });

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

  /* A button is pressed once, where the page goes away by it. */
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const button = event.submitter;
    const stays = event.target.hasAttribute("hx-post") || event.target.method === "dialog";
    if (button && !stays) {
      window.setTimeout(() => { button.disabled = true; button.classList.add("btn-loading"); });
    }
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
