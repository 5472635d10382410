"""Golden results of other people's packages; run by hand, never by the tests.

gbstats and tea-tasting need different numpy versions, so each has an environment of its own,
away from this project's (Python 3.11):

    uv venv /tmp/gb && uv pip install -p /tmp/gb/bin/python \
        "gbstats==0.8.0" "setuptools<80" "pandas<1.6" "numpy<2"
    uv venv /tmp/tt && uv pip install -p /tmp/tt/bin/python "tea-tasting==1.14.0" statsmodels
    /tmp/gb/bin/python tests/stats/golden/make.py gbstats
    /tmp/tt/bin/python tests/stats/golden/make.py tea_tasting
    /tmp/tt/bin/python tests/stats/golden/make.py statsmodels

Each writes NAME.json beside this file: cases with their inputs (sums) and the package's answers.
tea_tasting goes first when data sets change: gbstats reads the sums of users.json it writes.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

MEANS = [
    {"n": 3000, "sum": 1396.87, "sum_squares": 52377.9767},
    {"n": 3461, "sum": 2422.7, "sum_squares": 134698.29},
]
SMALL_MEANS = [
    {"n": 10, "sum": 100, "sum_squares": 1002.25},
    {"n": 10, "sum": 105, "sum_squares": 1111.5},
]
NEGATIVE_EFFECT = [
    {"n": 900, "sum": 4512.25, "sum_squares": 30120.5},
    {"n": 1100, "sum": 5210.75, "sum_squares": 33000.125},
]
PROPORTIONS = [[[28, 14], [30, 16]], [[3000, 1396], [3461, 2422]], [[10000, 500], [10000, 560]]]
PROPORTIONS += [[[100, 49], [100, 51]], [[40, 3], [55, 9]], [[250000, 1200], [251000, 1105]]]
QUANTILES = [
    {"n": 11000, "level": 0.9, "value": 7.2, "lower": 7.0, "upper": 7.41},
    {"n": 11111, "level": 0.9, "value": 7.9, "lower": 7.7, "upper": 8.15},
]
CLUSTERS = [
    {"n": 900, "m": 9900, "mm": 130000.0, "d": 11000, "dd": 160000.0, "md": 143000.0},
    {"n": 950, "m": 9999, "mm": 131500.0, "d": 11111, "dd": 162500.0, "md": 144000.0},
]
SRM = [([1000, 1200], [1, 1]), ([5000, 5300], [1, 1]), ([1000, 1050, 980], [1, 1, 1])]
SRM += [([9600, 10400], [48, 52]), ([9600, 10400], [1, 1])]


def write(name: str, cases: list[dict[str, Any]], **about: str) -> None:
    """One case a line, so that a change shows in a diff."""
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    text = f'{{"about": {json.dumps(about)}, "cases": [\n{lines}\n]}}\n'
    (HERE / f"{name}.json").write_text(text)


def gbstats() -> None:
    """Frequentist, sequential, Bayesian, quantile and balance cases of gbstats."""
    import gbstats_cases

    cases = gbstats_cases.cases(
        means=[MEANS, SMALL_MEANS, NEGATIVE_EFFECT],
        proportions=PROPORTIONS,
        quantiles=QUANTILES,
        clusters=CLUSTERS,
        srm=SRM,
        users=json.loads((HERE / "users.json").read_text())["cases"],
    )
    write("gbstats", cases, package="gbstats", version="0.8.0")


def tea_tasting() -> None:
    """Means, ratios and CUPED of tea-tasting on its own simulated users, with their sums."""
    import tea_tasting_cases

    users, cases = tea_tasting_cases.cases()
    write("users", users, data="tea_tasting.make_users_data(seed=42, covariates=True)")
    write("tea_tasting", cases, package="tea-tasting", version="1.14.0")


def statsmodels() -> None:
    """Corrections, intervals of proportions and power of statsmodels and scipy."""
    import statsmodels_cases

    write("statsmodels", statsmodels_cases.cases(), package="statsmodels, scipy")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    {"gbstats": gbstats, "tea_tasting": tea_tasting, "statsmodels": statsmodels}[sys.argv[1]]()
