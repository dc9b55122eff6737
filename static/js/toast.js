// Let toasts be dismissed, and focus the error summary of a refused form so that it is read out.
"use strict";

document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove());
document.querySelector("[data-focus]")?.focus();
