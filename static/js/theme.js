/* Runs before the first paint. The choice (auto, light, dark) is kept under Django admin's own key,
   so that dashboard and operator console always look alike. */
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; }
  };
  const apply = () => {
    const chosen = stored();
    const dark = chosen === "dark" || (chosen === "auto" && system.matches);
    root.dataset.theme = chosen;
    root.dataset.bsTheme = dark ? "dark" : "light";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
    }
  };
  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try { localStorage.setItem("theme", button.dataset.themeChoice); } catch { /* not remembered */ }
    apply();
  });
})();
