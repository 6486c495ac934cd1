"""The systems under test: one aiohttp application, many ways to authenticate it."""
