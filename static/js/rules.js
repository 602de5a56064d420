/* The rows of access rules: add, remove, and take over what is often wanted. */
(() => {
  const rows = document.getElementById("rules");
  const blank = document.getElementById("rule");
  if (!rows || !blank) return;
  const show = () => { document.getElementById("no-rules").hidden = rows.children.length > 0; };
  const add = (service, method, path) => {
    const row = blank.content.firstElementChild.cloneNode(true);
    if (service) {
      row.querySelector("[name=rule_service]").value = service;
      row.querySelector("[name=rule_method]").value = method;
      row.querySelector("[name=rule_path]").value = path;
    }
    rows.append(row);
    show();
    return row;
  };
  const known = () => [...rows.children].map((row) =>
    [...row.querySelectorAll("select, input")].map((field) => field.value).join(" "));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-add-rule]")) add().querySelector("[name=rule_path]").focus();
    const gone = event.target.closest("[data-remove-rule]");
    if (gone) { gone.closest(".rule").remove(); show(); }
    const preset = event.target.closest("[data-rules]");
    if (preset) {
      for (const line of preset.dataset.rules.trim().split("\n")) {
        const [service, method, path] = line.trim().split(" ");
        if (!known().includes([service, method, path].join(" "))) add(service, method, path);
      }
    }
  });
  show();
})();
