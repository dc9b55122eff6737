// Enter in a department search starts the search instead of submitting the form.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest("[data-department-search]")) event.preventDefault();
});
