"""What about this machine will blur the numbers, and what to do about it.

`kernel`, `cgroups`, `software` and `activity` read; `judgements` says what a reading means; `examination` is
the table that joins them; `console` prints what was found.
"""
