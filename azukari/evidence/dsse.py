"""The envelope: DSSE v1 (https://github.com/secure-systems-lab/dsse), in one canonical form.

DSSE signs the payload only. An envelope that could be written in two ways would let bytes change unnoticed, so exactly
one way of writing it is accepted here: sorted keys, no spaces, strict base64.
"""

import base64
import binascii
import json
from dataclasses import dataclass

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class NotAnEnvelope(ValueError):
    """The bytes are no envelope in the canonical form; the message says why."""


@dataclass(frozen=True)
class Envelope:
    """A payload and its one signature; `key_id` says which key the signer claims to have used."""

    payload: bytes
    key_id: str
    signature: bytes

    def to_bytes(self) -> bytes:
        """Return the envelope's only accepted form, ending with a newline."""
        document = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def signed_bytes(payload: bytes) -> bytes:
    """Return what the signature is made over: DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def parse(data: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        NotAnEnvelope: it is none, of another payload type, with other than one signature, or not in canonical form.
    """
    try:
        document = json.loads(data)
        (signature,) = document["signatures"]
        envelope = Envelope(
            payload=base64.b64decode(document["payload"], validate=True),
            key_id=signature["keyid"],
            signature=base64.b64decode(signature["sig"], validate=True),
        )
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise NotAnEnvelope("it is not a DSSE envelope with one signature") from error
    if not isinstance(envelope.key_id, str) or envelope.to_bytes() != data:
        raise NotAnEnvelope("it is not in the form in which azukari writes envelopes")
    return envelope
