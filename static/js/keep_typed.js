// What a person typed while an answer was on its way is worth more than the answer: data-keep-typed isn't exchanged then.
"use strict";

const asked = new WeakMap();
const typedIn = (container) => [...container.querySelectorAll("input")].map((input) => input.value).join("\n");

document.addEventListener("htmx:beforeRequest", (event) => {
  const container = event.detail.target;
  if (container?.matches("[data-keep-typed]")) asked.set(event.detail.xhr, typedIn(container));
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const container = event.detail.target;
  if (asked.has(event.detail.xhr) && typedIn(container) !== asked.get(event.detail.xhr)) event.detail.shouldSwap = false;
});
