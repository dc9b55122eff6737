// Request the QR code of the sign-in page once it is visible, poll its state, renew it when it expires, use it once approved.
"use strict";

for (const pane of document.querySelectorAll("[data-qr]")) {
  const find = (name) => pane.querySelector(`[data-qr-${name}]`);
  const [ask, claim, image, left, soon] = ["ask", "claim", "image", "left", "soon"].map(find);
  const poll = Number(pane.dataset.poll) * 1000;
  let { token, stateUrl } = pane.dataset;
  let until = Date.now() + Number(pane.dataset.seconds || 0) * 1000;
  let renewals = Number(pane.dataset.renewals);
  let begun = Date.now();
  let next;
  const later = (action, wait) => {
    clearTimeout(next);
    next = setTimeout(action, wait);
  };
  const isSeen = () => document.visibilityState === "visible" && pane.offsetParent !== null;

  function show(status) {
    pane.dataset.state = status.state;
    pane.closest("main").dataset.state = ["limited", "lost"].includes(status.state) ? "expired" : status.state;
    if (status.name !== undefined) find("name").textContent = status.name;
    find("asks").hidden = find("asks-text").hidden = !status.number;
    find("number").textContent = status.number || "";
    if (status.seconds !== undefined) until = Date.now() + status.seconds * 1000;
    if (Date.now() + 20_000 < until) soon.textContent = "";
    tick();
  }

  async function request(renews = "") {
    pane.dataset.state = "asking";
    const data = new FormData(ask);
    data.set("renews", renews);
    const answer = await fetch(ask.action, { method: "POST", body: data, headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.headers.get("HX-Refresh")) return location.reload();
    if (answer?.status === 429 && renewals-- > 0) later(() => request(renews), Number(answer.headers.get("Retry-After")) * 1000);
    if (!answer?.ok) return show({ state: answer?.status === 429 ? "limited" : "lost" });
    const code = await answer.json();
    token = code.token;
    stateUrl = code.urls.state;
    claim.action = code.urls.claim;
    image.src = code.image;
    begun = Date.now();
    show(code);
    later(watch, poll);
  }

  async function watch() {
    const before = pane.dataset.state;
    const answer = await fetch(stateUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) show(await answer.json());
    // A failed request is retried until the code expires; 404 means that it is no longer ours.
    else if (answer?.status === 404 || Date.now() > until + poll) show({ state: answer ? "expired" : "lost" });
    const state = pane.dataset.state;
    // After 30 seconds without a scan, nobody may be there: poll half as often.
    if (state === "new") later(watch, Date.now() - begun < 30_000 ? poll : 2 * poll);
    if (state === "scanned") later(watch, poll);
    if (state === "approved") claim.requestSubmit();
    if (state === "expired" && before === "new") renew();
  }

  function renew() {
    if (renewals <= 0) return;
    if (!isSeen()) return later(renew, poll);
    renewals -= 1;
    request(token);
  }

  function tick() {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const isRunning = ["new", "scanned"].includes(pane.dataset.state);
    left.hidden = !isRunning;
    left.textContent = left.dataset.text.replace("{time}", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
    if (isRunning && seconds <= 20 && !soon.textContent) soon.textContent = soon.dataset.text.replace("{n}", seconds);
  }

  function begin() {
    if (pane.dataset.state === "none" && isSeen()) request();
  }

  claim.hidden = true;
  ask.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    request();
  });
  setInterval(tick, 1000);
  // The page comes from the browser's back-forward cache: its code has expired.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    show({ state: "none" });
    begin();
  });
  for (const event of ["visibilitychange", "resize"]) (event === "resize" ? window : document).addEventListener(event, begin);
  if (stateUrl) later(watch, 0);
  else begin();
}
