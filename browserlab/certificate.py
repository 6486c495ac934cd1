"""TLS for names that exist on this machine only, by an authority that is made for one run.

The authority's key is never written. The certificate's own is, for the moment of loading it, since Python
loads keys from files only: into the folder for temporary files, readable by its user alone. `bench.py` gives
each run one of its own (`TMPDIR`), which is removed with everything in it, also after a run that was killed.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Sequence

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def make(names: Sequence[str]) -> tuple[ssl.SSLContext, str]:
    """A certificate for these names.

    Returns:
        What a server presents it by; and what Chromium knows its key by, for
        `--ignore-certificate-errors-spki-list`: the base64 of the SHA-256 of its SubjectPublicKeyInfo. A
        browser that is told so takes this one certificate, and checks all others as ever.
    """
    leaf = trustme.CA().issue_cert(*names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return context, base64.b64encode(hashlib.sha256(key).digest()).decode()
