// A toast can be put away; a refused form is read out from its summary.
"use strict";

document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove());
document.querySelector("[data-focus]")?.focus();
