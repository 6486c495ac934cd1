"""How secrets are read."""

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.errors import UsageError
from servers.settings import (
    MIN_DISTINCT_BYTES,
    MIN_SECRET_BYTES,
    Settings,
    new_secret,
    parse_secret,
    read_secrets,
    read_text,
)

CURRENT, PREVIOUS = b"the current secret, which signs it all", b"the previous secret, which verifies only"


def test_base64url_is_decoded() -> None:
    """What `secrets.token_urlsafe(32)` makes is 32 bytes, not 43."""
    assert len(parse_secret(secrets.token_urlsafe(32).encode(), "here")) == 32


def test_text_is_taken_as_it_is() -> None:
    """What is no base64url, or too short once decoded, is its own bytes."""
    for text in (b"correct horse battery staple, and more", b"a.b.c.d." + b"efghijklmnopqrstuvwxyz.."):
        assert parse_secret(text + b"\n", "here") == text


def test_none_where_none_is_set() -> None:
    """Then a random one is made, different each time."""
    assert read_secrets({}) == ()
    assert new_secret() != new_secret()


def test_settings_printed_tell_no_secret() -> None:
    """Neither the secrets nor the store's address, which may hold a password, get into a log that way."""
    printed = repr(Settings(Path("accounts"), (b"hunter2" * 5,), "redis://:hunter2@127.0.0.1"))
    assert "hunter2" not in printed


def test_the_previous_one_comes_second(tmp_path: Path) -> None:
    """The first signs; either may come from a file."""
    path = tmp_path / "previous"
    path.write_bytes(PREVIOUS + b"\n")
    environ = {"AUTH_SECRET": CURRENT.decode(), "AUTH_SECRET_PREVIOUS_FILE": str(path)}
    assert read_secrets(environ) == (parse_secret(CURRENT, "here"), parse_secret(PREVIOUS, "here"))
    assert read_secrets({"AUTH_SECRET": CURRENT.decode()}) == (parse_secret(CURRENT, "here"),)


def test_a_previous_one_alone_signs_nothing() -> None:
    """It is there to verify; a server that would sign by it, or by a random one, does not start."""
    with pytest.raises(UsageError, match="set AUTH_SECRET"):
        read_secrets({"AUTH_SECRET_PREVIOUS": PREVIOUS.decode()})
    with pytest.raises(UsageError, match="AUTH_SECRET_PREVIOUS is shorter"):
        read_secrets({"AUTH_SECRET": CURRENT.decode(), "AUTH_SECRET_PREVIOUS": "short"})


@given(st.binary(max_size=100))
def test_never_weak(text: bytes) -> None:
    """Whatever it is given, it returns 32 bytes at least, of several kinds, or refuses."""
    try:
        assert len(parse_secret(text, "here")) >= MIN_SECRET_BYTES
        assert len(set(text)) >= MIN_DISTINCT_BYTES
    except UsageError:
        assert len(text.strip()) < MIN_SECRET_BYTES or len(set(text.strip())) < MIN_DISTINCT_BYTES


@pytest.mark.parametrize("text", [b"a" * 32, b"abc" * 20, b"0" * 64, b"changeme" * 5, b"=-" * 30])
def test_what_is_long_but_not_random(text: bytes) -> None:
    """One letter, or a short word, over and over, is guessed sooner than a password."""
    with pytest.raises(UsageError, match="fewer than 8 different characters"):
        parse_secret(text, "here")


@pytest.mark.parametrize("text", ["", " ", "\n"])
@pytest.mark.parametrize("name", ["AUTH_SECRET", "AUTH_PRIVATE_KEY", "REDIS_URL"])
def test_what_is_set_but_empty_is_no_default(tmp_path: Path, name: str, text: str) -> None:
    """A variable that a deployment failed to fill in is refused, and so is an empty file."""
    file = tmp_path / "empty"
    file.write_text(text)
    for environ in ({name: text}, {f"{name}_FILE": str(file)}):
        with pytest.raises(UsageError, match="is set, but empty"):
            read_text(environ, name)
    assert read_text({}, name) is None


def test_refusals_do_not_show_the_secret() -> None:
    """The sentence names where it came from only."""
    with pytest.raises(UsageError) as refusal:
        read_secrets({"AUTH_SECRET": "hunter2"})
    assert "hunter2" not in str(refusal.value)
    assert "AUTH_SECRET" in str(refusal.value)
