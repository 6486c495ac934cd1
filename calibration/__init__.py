"""Known truths to measure the instrument against."""
