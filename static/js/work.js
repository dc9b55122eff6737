// Solve the proof of work (sms.codes.proof_of_work): find numbers whose SHA-256 starts with zero bits, then submit the form.
"use strict";

const WORK_AT_ONCE = 64;
// The page is painted and answers clicks in between.
const WORK_PAUSE_MS = 50;

for (const panel of document.querySelectorAll("[data-work]")) {
  // Web Crypto needs a secure context; without it, the rate limit applies.
  if (window.crypto?.subtle) doWork(panel).catch(() => showWork(panel, false));
}

async function doWork(panel) {
  const [progress, answer] = [panel.querySelector("progress"), panel.querySelector("[data-work-answer]")];
  const numbers = [];
  showWork(panel, true);
  while (numbers.length < progress.max) {
    numbers.push(await findNumber(`${panel.dataset.work}|${numbers.length}|`, Number(panel.dataset.workBits)));
    progress.value = numbers.length;
  }
  answer.value = `${panel.dataset.work}|${numbers}`;
  panel.closest("form").requestSubmit();
}

async function findNumber(prefix, bits) {
  const encoder = new TextEncoder();
  let paused = performance.now();
  for (let first = 0; ; first += WORK_AT_ONCE) {
    if (performance.now() - paused > WORK_PAUSE_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      paused = performance.now();
    }
    const texts = Array.from({ length: WORK_AT_ONCE }, (_, index) => encoder.encode(prefix + (first + index)));
    const digests = await Promise.all(texts.map((text) => crypto.subtle.digest("SHA-256", text)));
    const found = digests.findIndex((digest) => Math.clz32(new DataView(digest).getUint32(0)) >= bits);
    if (found >= 0) return first + found;
  }
}

function showWork(panel, isRunning) {
  panel.querySelector("[data-work-refused]").hidden = isRunning;
  panel.querySelector("[data-work-running]").hidden = !isRunning;
  for (const button of panel.closest("form").querySelectorAll("button[type=submit]")) button.disabled = isRunning;
}

// The page was restored from history, and its answer is used up.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const panel of document.querySelectorAll("[data-work]")) {
    panel.querySelector("[data-work-answer]").value = "";
    showWork(panel, false);
  }
});
