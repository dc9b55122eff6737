"""A device that keeps passkeys, in software: what a browser would send of it."""

import hashlib
import json
import secrets

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Device:
    """One passkey. `is_verified`: its holder showed finger, face or PIN; `origin`: the page the browser stands on."""

    def __init__(self, *, origin="https://testserver", host="testserver", is_verified=True):
        self.key = generate_private_key(SECP256R1())
        self.id = secrets.token_bytes(32)
        self.origin, self.host, self.is_verified = origin, host, is_verified
        self.user = b""

    def create(self, options):
        """The answer to navigator.credentials.create, as our script sends it."""
        options = options["publicKey"]
        self.user = options["user"]["id"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(ATTESTED) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer({"clientDataJSON": client, "attestationObject": attestation}, {"credProps": {"rk": True}})

    def get(self, options, **changed):
        """The answer to navigator.credentials.get."""
        client = self._client("webauthn.get", options["publicKey"]["challenge"])
        data = self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature} | changed
        answer = json.loads(self._answer(parts, {}))
        answer["response"]["userHandle"] = self.user
        return json.dumps(answer)

    def _data(self, flags=0):
        flags |= PRESENT | (VERIFIED if self.is_verified else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + bytes(4)

    def _client(self, type, challenge):
        return json.dumps({"type": type, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, parts, extensions):
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "response": {name: websafe_encode(part) for name, part in parts.items()},
                "clientExtensionResults": extensions,
            }
        )
