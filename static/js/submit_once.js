// A form that is on its way is not sent again: its pressed button turns, the others are off until the answer comes.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  // A file to keep leaves the page as it is: only the question before it goes.
  if ("download" in form.dataset) return event.submitter?.closest("[popover]")?.hidePopover();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  // After the browser has read the form: a button that is off would not be sent.
  setTimeout(() => buttonsOf(form).forEach((button) => (button.disabled = true)));
  // Stopped by hand or lost on the way: it may be tried again.
  setTimeout(() => release(form), 20_000);
});

// Back in the history, or answered by a fragment: ready again.
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
