"""A Result as people read it: console text and Markdown, from the same sentences and tables."""
