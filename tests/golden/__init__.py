"""Golden pictures: what every figure of `harness/report/charts/` looked like when somebody last looked at it.

`python -m tests.golden` draws them anew, all or those named. Look at each that changed, then commit it.
"""
