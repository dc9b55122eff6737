// Apply the theme at once; the form still submits it to the server, which stores it in a cookie.
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of form.querySelectorAll("button")) button.toggleAttribute("aria-current", button.value === theme);
  form.querySelector(`[value="${theme}"]`).setAttribute("aria-current", "true");
  const data = new FormData(form, event.submitter);
  await fetch(form.action, { method: "POST", body: data, redirect: "manual", headers: { Accept: "text/html" } });
});
