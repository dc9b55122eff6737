// In a multiple select, a click toggles one option and keeps the others; the selected ones are listed below.
"use strict";

for (const field of document.querySelectorAll("[data-multiple]")) {
  const list = field.querySelector("select[multiple]");
  const chosen = field.querySelector("[data-multiple-chosen]");
  field.querySelector("[data-multiple-hint]").hidden = true;

  const show = () => {
    const items = [...list.selectedOptions].map((option) => {
      const item = document.createElement("li");
      item.textContent = option.textContent;
      return item;
    });
    chosen.replaceChildren(...items);
    chosen.hidden = items.length === 0;
  };

  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("option");
    if (!option || list.disabled || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // The first choice replaces a preset.
    if ("preset" in list.dataset && !option.selected) for (const other of [...list.selectedOptions]) other.selected = false;
    delete list.dataset.preset;
    const top = list.scrollTop;
    option.selected = !option.selected;
    list.focus({ preventScroll: true });
    list.scrollTop = top;
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });
  list.addEventListener("change", show);
  // A search has replaced the options.
  list.addEventListener("htmx:afterSwap", show);
  show();
}
