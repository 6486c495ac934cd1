"""Where the certificate's key is while it is loaded."""

from __future__ import annotations

import ssl
import stat
import tempfile
from pathlib import Path

import pytest

from browserlab import certificate, sites


def test_the_key_lies_in_the_temporary_folder_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Below `TMPDIR`, for nobody else to read, and gone when the certificate is made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    load = ssl.SSLContext.load_cert_chain
    loaded: list[tuple[Path, int]] = []

    def noted(context: ssl.SSLContext, path: str) -> None:
        loaded.append((Path(path).parent, stat.S_IMODE(Path(path).stat().st_mode)))
        load(context, path)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", noted)
    certificate.make(sites.ALL)
    assert loaded == [(tmp_path, 0o600)]
    assert list(tmp_path.iterdir()) == []
