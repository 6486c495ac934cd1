"""Several results side by side: `sides` finds what can be compared, `console` prints it.

The figures are drawn by `harness.report.charts.compared`.
"""
