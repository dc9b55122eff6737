// Work before a code is sent (sms.work): numbers are sought whose SHA-256 begins with zero bits, then the form goes by itself.
"use strict";

const WORK_AT_ONCE = 64;

for (const place of document.querySelectorAll("[data-work]")) {
  // Only a secure context has it: without, the limit stays what it says.
  if (window.crypto?.subtle) doWork(place).catch(() => showWork(place, false));
}

async function doWork(place) {
  const [progress, answer] = [place.querySelector("progress"), place.querySelector("[data-work-answer]")];
  const numbers = [];
  showWork(place, true);
  while (numbers.length < progress.max) {
    numbers.push(await findNumber(`${place.dataset.work}|${numbers.length}|`, Number(place.dataset.workBits)));
    progress.value = numbers.length;
  }
  answer.value = `${place.dataset.work}|${numbers}`;
  place.closest("form").requestSubmit();
}

async function findNumber(prefix, bits) {
  const encoder = new TextEncoder();
  for (let first = 0; ; first += WORK_AT_ONCE) {
    const texts = Array.from({ length: WORK_AT_ONCE }, (_, place) => encoder.encode(prefix + (first + place)));
    const digests = await Promise.all(texts.map((text) => crypto.subtle.digest("SHA-256", text)));
    const found = digests.findIndex((digest) => Math.clz32(new DataView(digest).getUint32(0)) >= bits);
    if (found >= 0) return first + found;
  }
}

function showWork(place, isRunning) {
  place.querySelector("[data-work-refused]").hidden = isRunning;
  place.querySelector("[data-work-running]").hidden = !isRunning;
  for (const button of place.closest("form").querySelectorAll("button[type=submit]")) button.disabled = isRunning;
}

// Back in the history: the answer was used.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const place of document.querySelectorAll("[data-work]")) {
    place.querySelector("[data-work-answer]").value = "";
    showWork(place, false);
  }
});
