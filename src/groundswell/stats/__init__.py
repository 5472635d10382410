"""Statistics of experiments and the bucketing of people: pure functions of their arguments.

No input or output, no clock, no database. The event store sums, this package reasons:
sufficient statistics go in, a result or an ``Unavailable`` with a reason comes out.

Import the modules by name (``from groundswell.stats.frequentist import welch``). This file
imports nothing, so that bucketing, which runs on every flag evaluation, and the command line
never pay for scipy.
"""
