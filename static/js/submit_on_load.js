// A page that only asks to go on goes on by itself, once someone looks at it: what merely fetches it ahead sends nothing.
"use strict";

const waiting = document.querySelector("[data-submit-on-load]");
const go = () => waiting && !document.prerendering && document.visibilityState === "visible" && !waiting.dataset.sent && waiting.requestSubmit();

go();
for (const event of ["visibilitychange", "prerenderingchange"]) document.addEventListener(event, go);
