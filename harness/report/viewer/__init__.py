"""`bench.py view`: results in a browser, on this machine alone.

The one part of the harness that imports aiohttp: it measures nothing, and no other part imports it.
"""
