"""The article's client in a real browser, with experiments on calls and attacks across origins."""
