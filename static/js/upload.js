/* Uploads: the record by the form, then the file as the body of one request, with its progress. */
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const file = form.elements.file;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];
  const human = (bytes) => {
    let unit = 0;
    for (; bytes >= 1024 && unit < sizes.length - 1; unit += 1) bytes /= 1024;
    return `${bytes < 100 ? +bytes.toFixed(1) : Math.round(bytes)} ${sizes[unit]}`;
  };
  let page = null;
  let running = null;

  const errors = (found) => {
    for (const place of form.querySelectorAll("[data-error]")) {
      const text = (found[place.dataset.error] || []).join(" ");
      place.textContent = text;
      place.hidden = !text;
    }
  };
  const busy = (yes) => {
    part("progress").hidden = !yes;
    part("facts").disabled = yes;
    part("cancel").hidden = !yes;
    part("submit").hidden = yes;
  };

  file.addEventListener("change", async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    part("chosen").textContent = `${chosen.name}, ${human(chosen.size)}`;
    if (!form.elements.name.value) {
      form.elements.name.value = chosen.name.replace(/\.[^.]+$/, "");
    }
    const head = new Uint8Array(await chosen.slice(0, 8).arrayBuffer());
    const text = String.fromCharCode(...head);
    const ending = (chosen.name.split(".").pop() || "").toLowerCase();
    const format = text.startsWith("QFI\xfb") ? "qcow2"
      : text.startsWith("KDMV") ? "vmdk"
      : text.startsWith("vhdxfile") ? "vhdx"
      : { iso: "iso", vdi: "vdi", vhd: "vhd" }[ending] || "raw";
    form.elements.disk_format.value = format;
  });

  const zone = part("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("is-over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) {
        file.files = event.dataTransfer.files;
        file.dispatchEvent(new Event("change"));
      }
    });
  }

  const send = (url, token) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    running = request;
    const started = Date.now();
    request.upload.addEventListener("progress", (event) => {
      const share = event.total ? event.loaded / event.total : 0;
      part("meter").value = share;
      const seconds = (Date.now() - started) / 1000;
      const speed = seconds > 0.5 ? event.loaded / seconds : 0;
      const left = speed ? Math.ceil((event.total - event.loaded) / speed) : null;
      part("percent").textContent = `${Math.floor(share * 100)} %`;
      part("speed").textContent = share < 1
        ? `${human(event.loaded)} of ${human(event.total)}`
          + (speed ? ` · ${human(speed)}/s · ${left} s left` : "")
        : "All sent. The cloud is inspecting it …";
    });
    request.addEventListener("load", () => {
      if (request.status === 204) return resolve();
      let text = "The upload failed.";
      try { text = JSON.parse(request.responseText).error || text; } catch { /* no JSON */ }
      return reject(new Error(text));
    });
    request.addEventListener("error", () => reject(new Error("The connection broke off. Try again.")));
    request.addEventListener("abort", () => reject(new Error("You stopped the upload.")));
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", token);
    request.send(file.files[0]);
  });

  part("cancel").addEventListener("click", () => { if (running) running.abort(); });
  window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    errors({});
    if (!file.files.length) return errors({ file: ["Choose a file first."] });
    const data = new FormData(form);
    const token = data.get("csrfmiddlewaretoken");
    data.delete("file");
    busy(true);
    try {
      if (!page) {
        const answer = await fetch(form.action, {
          method: "POST", body: data, headers: { Accept: "application/json" },
        });
        if (answer.status !== 201) {
          const found = answer.status === 422 ? (await answer.json()).errors
            : { __all__: ["The image could not be recorded. Reload the page and try again."] };
          return errors(found);
        }
        page = await answer.json();
      }
      await send(page.data, token);
      running = null;
      window.location.assign(page.page);
    } catch (error) {
      if (page) { /* nothing is left of what did not arrive */
        fetch(page.remove, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
      }
      page = null;
      errors({ file: [error.message] });
    } finally {
      running = null;
      busy(false);
    }
    return undefined;
  });
})();
