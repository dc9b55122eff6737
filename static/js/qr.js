// The QR code of the sign-in page: asked for once someone can see it, watched, renewed a few times, used once approved.
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
  const later = (deed, wait) => {
    clearTimeout(next);
    next = setTimeout(deed, wait);
  };
  const isSeen = () => document.visibilityState === "visible" && pane.offsetParent !== null;

  function show(said) {
    pane.dataset.state = said.state;
    pane.closest("main").dataset.state = ["limited", "lost"].includes(said.state) ? "expired" : said.state;
    if (said.name !== undefined) find("name").textContent = said.name;
    find("asks").hidden = find("asks-text").hidden = !said.number;
    find("number").textContent = said.number || "";
    if (said.seconds !== undefined) until = Date.now() + said.seconds * 1000;
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
    const said = await answer.json();
    token = said.token;
    stateUrl = said.urls.state;
    claim.action = said.urls.claim;
    image.src = said.image;
    begun = Date.now();
    show(said);
    later(watch, poll);
  }

  async function watch() {
    const before = pane.dataset.state;
    const answer = await fetch(stateUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) show(await answer.json());
    // No answer is no end: only the time, or that the code is not ours any more, is.
    else if (answer?.status === 404 || Date.now() > until + poll) show({ state: answer ? "expired" : "lost" });
    const state = pane.dataset.state;
    // Who has not scanned it for a while may not be there: asked half as often, it costs half as much.
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
  // Come back to by the browser's history: what was shown is long over.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    show({ state: "none" });
    begin();
  });
  for (const event of ["visibilitychange", "resize"]) (event === "resize" ? window : document).addEventListener(event, begin);
  if (stateUrl) later(watch, 0);
  else begin();
}
