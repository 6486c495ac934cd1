"""The live servers of tests/servers serve here too."""

from tests.servers.conftest import accounts_file, serve, store_url

__all__ = ["accounts_file", "serve", "store_url"]
