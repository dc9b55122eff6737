// In a list of many a click adds or removes one, as with boxes, instead of forgetting the others.
"use strict";

for (const list of document.querySelectorAll("[data-multiple] select[multiple]")) {
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("option");
    if (!option || list.disabled || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const top = list.scrollTop;
    option.selected = !option.selected;
    list.focus();
    list.scrollTop = top;
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
