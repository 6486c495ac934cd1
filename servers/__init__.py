"""The systems under test: one aiohttp application with interchangeable authentication schemes."""
