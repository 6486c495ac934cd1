"""`bench.py browser`: what a user waits for in a real browser, by cookie and by token."""
