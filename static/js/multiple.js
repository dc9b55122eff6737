// In a list of many a click adds or removes one, as with boxes, instead of forgetting the others; below it stands what is chosen.
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
    // What was only preset gives way to the first choice.
    if ("preset" in list.dataset && !option.selected) for (const other of [...list.selectedOptions]) other.selected = false;
    delete list.dataset.preset;
    const top = list.scrollTop;
    option.selected = !option.selected;
    list.focus({ preventScroll: true });
    list.scrollTop = top;
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });
  list.addEventListener("change", show);
  // A search has brought other options.
  list.addEventListener("htmx:afterSwap", show);
  show();
}
