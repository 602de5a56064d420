/* The launch page: sizes too small for the image are dimmed, and the summary follows the choice. */
(() => {
  const form = document.getElementById("launch");
  if (!form) return;
  const chosen = (name) => form.querySelector(`input[name="${name}"]:checked`);
  const update = () => {
    const image = chosen("image");
    const need = image ? image.dataset : { minRam: "0", leastDisk: "0" };
    for (const size of form.querySelectorAll('input[name="flavor"]')) {
      const disk = Number(size.dataset.disk);
      const small = Number(size.dataset.ram) < Number(need.minRam)
        || (disk > 0 && disk < Number(need.leastDisk));
      const over = size.dataset.over;
      size.disabled = small || Boolean(over);
      const note = size.closest(".choice").querySelector("[data-note]");
      note.textContent = over ? `Over your quota of ${over}` : small ? "Too small for this image" : "";
    }
    const current = chosen("flavor");
    if (!current || current.disabled) {
      const first = form.querySelector('input[name="flavor"]:not(:disabled)');
      if (first) first.checked = true;
    }
    const flavor = chosen("flavor");
    const count = Math.max(1, Number(form.elements.count.value) || 1);
    const takes = flavor && !flavor.disabled
      ? { instances: 1, cores: Number(flavor.dataset.vcpus), ram: Number(flavor.dataset.ram) } : {};
    for (const bar of form.querySelectorAll("[data-bar]")) {
      const after = Number(bar.dataset.used) + count * (takes[bar.dataset.bar] || 0);
      const limit = Number(bar.dataset.limit);
      const meter = bar.querySelector("progress");
      if (meter) {
        meter.value = Math.min(after, limit);
        meter.classList.toggle("tone-danger", after > limit);
      }
      const shown = bar.dataset.unit === "MiB" ? `${+(after / 1024).toFixed(1)}` : `${after}`;
      bar.querySelector("[data-after]").textContent = shown;
    }
    const say = (name, text) => {
      const place = form.querySelector(`[data-summary="${name}"]`);
      if (place) place.textContent = text || "—";
    };
    say("image", image && image.dataset.name);
    say("flavor", flavor && flavor.dataset.name);
    say("networks", [...form.querySelectorAll('input[name="networks"]:checked')]
      .map((one) => one.dataset.name).join(", "));
    const networks = [...form.querySelectorAll('input[name="networks"]:checked')];
    form.querySelector("[data-unreachable]").hidden = networks.length === 0
      || networks.some((one) => "reachable" in one.dataset);
    const key = form.elements.key;
    say("key", key && key.value ? key.value : "none");
    say("count", count > 1 ? `${count} servers` : "1 server");
    const button = form.querySelector("[data-launch]");
    button.querySelector("span").textContent = count > 1 ? `Launch ${count} servers` : "Launch server";
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  document.addEventListener("htmx:afterSettle", update);
  update();
})();
