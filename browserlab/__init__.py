"""The article's client in a real browser, and what calls and attacks across origins come to there."""
