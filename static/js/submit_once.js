// Prevent double submits: show progress on the pressed button and disable the others until the response.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  // A download leaves the page in place: only close the popover.
  if ("download" in form.dataset) return event.submitter?.closest("[popover]")?.hidePopover();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  // Once the browser has read the form, because a disabled button isn't sent.
  setTimeout(() => buttonsOf(form).forEach((button) => (button.disabled = true)));
  // The request was stopped or has failed: allow another.
  setTimeout(() => release(form), 20_000);
});

// Reset when the page is restored from history, or htmx has swapped the response.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
document.addEventListener("htmx:afterRequest", (event) => event.target.closest?.("form[data-sent]") && release(event.target.closest("form")));

function buttonsOf(form) {
  return [...form.elements].filter((element) => element.type === "submit" && !element.disabled);
}

function release(form) {
  delete form.dataset.sent;
  for (const button of [...form.elements].filter((element) => element.type === "submit")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}
