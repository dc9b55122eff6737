// Open the print dialog for pages made for paper.
"use strict";

document.addEventListener("click", (event) => event.target.closest("[data-print]") && window.print());
