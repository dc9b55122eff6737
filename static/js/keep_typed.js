// What a person typed while an answer was on its way is worth more than the answer: data-keep-typed isn't exchanged then.
"use strict";

const asked = new WeakMap();
const typedIn = (place) => [...place.querySelectorAll("input")].map((input) => input.value).join("\n");

document.addEventListener("htmx:beforeRequest", (event) => {
  const place = event.detail.target;
  if (place?.matches("[data-keep-typed]")) asked.set(event.detail.xhr, typedIn(place));
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const place = event.detail.target;
  if (asked.has(event.detail.xhr) && typedIn(place) !== asked.get(event.detail.xhr)) event.detail.shouldSwap = false;
});
