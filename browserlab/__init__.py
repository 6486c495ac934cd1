"""The article's client in a real browser: who finds one, drives it, and what attacks on it come to."""
