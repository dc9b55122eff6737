// A page made for paper prints itself; without script there is the browser's own menu.
"use strict";

document.addEventListener("click", (event) => event.target.closest("[data-print]") && window.print());
