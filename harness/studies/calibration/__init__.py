"""How often the instrument is wrong: trials whose answer is known."""
