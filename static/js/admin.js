/* The operator console: a field that one types into to find a row bears the name of its label. */
(() => {
  const name = () => {
    for (const label of document.querySelectorAll("label[for]")) {
      const field = document.getElementById(label.htmlFor);
      const box = field && field.nextElementSibling;
      if (!box || !box.matches(".select2")) continue;
      label.id = label.id || `${field.id}-label`;
      for (const part of box.querySelectorAll("[role=combobox], [role=textbox]")) {
        part.setAttribute("aria-labelledby", label.id);
      }
    }
  };
  const jQuery = window.django && window.django.jQuery;
  if (jQuery) jQuery(name); /* after admin's own scripts, which make the boxes */
  document.addEventListener("formset:added", name);
})();
