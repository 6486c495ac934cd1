"""TLS for host names that exist on this machine only, with a certificate authority made for one run.

The authority's key is never written to disk. The certificate's key is, while it is loaded, since Python loads
keys from files only: in the folder for temporary files, readable by its user alone. `bench.py` gives each run
a separate folder (`TMPDIR`), which is removed with all its files, also after a killed run.
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
    """Make a certificate for these names.

    Returns:
        The TLS context of a server with the certificate; and the hash of its key for Chromium's
        `--ignore-certificate-errors-spki-list`, which is the base64 of the SHA-256 of its
        SubjectPublicKeyInfo. With that option Chromium accepts this certificate and verifies all others
        normally.
    """
    leaf = trustme.CA().issue_cert(*names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    certificate = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return context, base64.b64encode(hashlib.sha256(key).digest()).decode()
