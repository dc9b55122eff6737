// Get a passkey's response from the device and submit it with the form, which stays hidden without WebAuthn.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.closest("[data-passkey-place]")?.removeAttribute("hidden");
  form.addEventListener("submit", (event) => {
    if (form.querySelector("[data-passkey-answer]").value) return;
    event.preventDefault();
    ask(form).catch(() => (form.querySelector("[data-passkey-error]").hidden = false));
  });
}

async function ask(form) {
  const button = form.querySelector("button");
  form.querySelector("[data-passkey-error]").hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.passkeyOptions, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    if (!answer.ok) return location.reload();
    const { publicKey } = await answer.json();
    const credential = await navigator.credentials[form.dataset.passkey]({ publicKey: fromText(publicKey) });
    form.querySelector("[data-passkey-answer]").value = JSON.stringify(toText(credential));
  } finally {
    button.removeAttribute("aria-busy");
  }
  form.requestSubmit();
}

// Binary values are base64url in JSON.
function fromText(options) {
  const described = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));
  return {
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: described(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: described(options.allowCredentials) }),
  };
}

function toText(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (credential.response[name]) response[name] = text(credential.response[name]);
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function bytes(words) {
  const padded = words.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function text(buffer) {
  const words = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return words.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
