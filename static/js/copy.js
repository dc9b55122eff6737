// Copy a value. Plain http has no clipboard API: select the text and use execCommand.
"use strict";

document.addEventListener("click", async (event) => {
  const box = event.target.closest("[data-copy] button")?.closest("[data-copy]");
  if (!box) return;
  const field = box.querySelector("input, textarea");
  field.select();
  if (navigator.clipboard) await navigator.clipboard.writeText(field.value).catch(() => {});
  else document.execCommand("copy");
  say(box);
});

function say(box) {
  const button = box.querySelector("button");
  const label = button.getAttribute("aria-label");
  box.dataset.done = "1";
  button.setAttribute("aria-label", box.dataset.copied);
  setTimeout(() => {
    delete box.dataset.done;
    button.setAttribute("aria-label", label);
  }, 2000);
}
