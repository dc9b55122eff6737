// Don't swap an htmx response into [data-keep-typed] if its inputs have changed since the request.
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
