// Selecting rows of a list: a checkbox for all, the count, and a bar of actions shown once a row is selected.
"use strict";

document.addEventListener("change", (event) => {
  const list = event.target.closest("[data-selection]");
  if (!list) return;
  if (event.target.matches("[data-select-all]")) for (const box of boxesOf(list)) box.checked = event.target.checked;
  // A form that also offers all rows: whoever ticks some means these.
  const choice = list.querySelector("[data-selection-choice]");
  if (choice && event.target.closest(".table__check")) choice.checked = true;
  if (choice && event.target.name === choice.name && event.target !== choice) deselectAll(list);
  showSelection(list);
});
// Also after htmx swaps, and when the browser restores the page.
document.addEventListener("htmx:load", () => document.querySelectorAll("[data-selection]").forEach(showSelection));
window.addEventListener("pageshow", () => document.querySelectorAll("[data-selection]").forEach(showSelection));

// Also rows selected on other pages, which hidden fields post.
function deselectAll(list) {
  for (const box of boxesOf(list)) box.checked = false;
  for (const field of list.querySelectorAll("input[type=hidden][name=members]")) field.remove();
}

function boxesOf(list) {
  return [...list.querySelectorAll("tbody .table__check input")];
}

function showSelection(list) {
  const boxes = boxesOf(list);
  const chosen = boxes.filter((box) => box.checked).length;
  const all = list.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && !all.checked;
  }
  list.querySelectorAll("[data-selection-count]").forEach((count) => (count.textContent = chosen));
  const bar = list.querySelector("[data-selection-bar]");
  if (!bar) return;
  bar.dataset.chosen = chosen;
  bar.querySelectorAll("button").forEach((button) => (button.disabled = chosen === 0));
}
