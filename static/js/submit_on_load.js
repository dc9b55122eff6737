// Submit a form that only confirms, once the page is visible: prefetching must not submit it.
"use strict";

const waiting = document.querySelector("[data-submit-on-load]");
const go = () => waiting && !document.prerendering && document.visibilityState === "visible" && !waiting.dataset.sent && waiting.requestSubmit();

go();
for (const event of ["visibilitychange", "prerenderingchange"]) document.addEventListener(event, go);
