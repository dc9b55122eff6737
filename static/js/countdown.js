// Disable a "Send again" button until the server accepts another request, and show the seconds left.
"use strict";

for (const button of document.querySelectorAll("[data-countdown]")) {
  const until = Date.now() + Number(button.dataset.countdown) * 1000;
  const words = button.querySelector("span");
  const label = words.textContent;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left > 0;
    words.textContent = left > 0 ? button.dataset.countdownText.replace("{n}", left) : label;
    if (left > 0) setTimeout(tick, 500);
  };
  tick();
}
