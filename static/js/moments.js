/* A slider beside a field with a moment (UTC): <input type="range" data-moment="ID of the field">, in seconds. */
(() => {
  for (const slider of document.querySelectorAll("input[data-moment]")) {
    const field = document.getElementById(slider.dataset.moment);
    const written = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19);
    const read = () => {
      const seconds = Date.parse(`${field.value}Z`) / 1000;
      if (!Number.isNaN(seconds)) slider.value = `${Math.trunc(seconds)}`;
    };
    slider.addEventListener("input", () => { field.value = written(Number(slider.value)); });
    field.addEventListener("input", read);
    slider.closest("[hidden]").hidden = false;
    read();
  }
})();
