// Enter in the box that searches for departments searches; it does not send the form around it.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest("[data-department-search]")) event.preventDefault();
});
