// Rows chosen in a list: one box for all, a count, and a bar that stays in sight while something is chosen.
"use strict";

const watch = (list) => {
  const all = list.querySelector("[data-select-all]");
  const bar = list.querySelector("[data-selection-bar]");
  const boxes = () => [...list.querySelectorAll("tbody .table__check input")];

  const show = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    if (all) {
      all.checked = chosen > 0 && chosen === boxes().length;
      all.indeterminate = chosen > 0 && !all.checked;
    }
    list.querySelectorAll("[data-selection-count]").forEach((place) => (place.textContent = chosen));
    if (!bar) return;
    bar.dataset.chosen = chosen;
    bar.querySelectorAll("button").forEach((button) => (button.disabled = chosen === 0));
  };

  list.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes()) box.checked = all.checked;
    show();
  });
  show();
};

document.querySelectorAll("[data-selection]").forEach(watch);

// A list that was exchanged on the page is another list.
document.addEventListener("htmx:load", ({ detail }) => {
  if (detail.elt !== document.body) detail.elt.querySelectorAll("[data-selection]").forEach(watch);
});
