"""Verifies the Ed25519 signatures of a provenance bundle with securesystemslib, the library of in-toto and TUF.

    ed25519.py BUNDLE KEY    KEY: the Ed25519 public key in hexadecimal, from `tributary provenance key`

Exit code 1 when a signature is wrong or missing, or is about something else than an in-toto statement.
"""

import json
import sys

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def verify(line, public):
    envelope = Envelope.from_dict(json.loads(line))
    key = SSlibKey(f"ed25519:{public}", "ed25519", "ed25519", {"public": public})
    envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    if envelope.payload_type != "application/vnd.in-toto+json" or statement["_type"] != "https://in-toto.io/Statement/v1":
        raise VerificationError(f"no in-toto statement: {envelope.payload_type}")
    return statement


def main(path, public):
    with open(path, encoding="utf-8") as bundle:
        for line in bundle:
            try:
                statement = verify(line, public)
            except (VerificationError, ValueError, KeyError) as error:
                print(f"wrong: {error}", file=sys.stderr)
                return 1
            print(f"ok  {statement['predicateType']}  {statement['subject'][0]['name']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
