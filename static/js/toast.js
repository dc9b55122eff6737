// A toast can be put away; a refused form is read out from its summary.
"use strict";

document.querySelectorAll("[data-toast-close]").forEach((button) => (button.hidden = false));
document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove());
document.querySelector("[data-focus]")?.focus();
