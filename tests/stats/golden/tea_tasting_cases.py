"""Cases of tea-tasting 1.14.0; imported by make.py in tea-tasting's own environment."""

from typing import Any

import numpy as np
import tea_tasting as tt

Case = dict[str, Any]


def cases() -> tuple[list[Case], list[Case]]:
    """The sums of the simulated users, and tea-tasting's answers on their rows."""
    users: list[Case] = []
    found: list[Case] = []
    for covariates in (False, True):
        data = tt.make_users_data(seed=42, covariates=covariates)
        for name, kind, columns in metrics(covariates):
            users.append({"name": name, "kind": kind, "arms": arms(data, kind, columns)})
            for alternative in ("two-sided", "greater", "less"):
                answer = analyse(data, kind, columns, alternative)
                found.append({"name": name, "alternative": alternative, "answer": answer})
    return users, found


def metrics(covariates: bool) -> list[tuple[str, str, list[str]]]:
    """Name, kind and columns of each metric."""
    if not covariates:
        return [
            ("orders", "mean", ["orders"]),
            ("revenue", "mean", ["revenue"]),
            ("orders per session", "ratio", ["orders", "sessions"]),
        ]
    pre = ["orders_covariate", "sessions_covariate"]
    return [
        ("orders, CUPED", "cuped", ["orders", "orders_covariate"]),
        ("revenue, CUPED", "cuped", ["revenue", "revenue_covariate"]),
        ("orders per session, CUPED", "cuped_ratio", ["orders", "sessions", *pre]),
    ]


def arms(data: Any, kind: str, columns: list[str]) -> list[Case]:
    """Sums of both arms."""
    variant = data["variant"].to_numpy()
    found = []
    for arm in (0, 1):
        values = [data[column].to_numpy()[variant == arm].astype(float) for column in columns]
        sums = [float(np.sum(v)) for v in values]
        products = [
            float(np.sum(values[i] * values[j]))
            for i in range(len(values))
            for j in range(i, len(values))
        ]
        n = len(values[0])
        if kind == "mean":
            found.append({"n": n, "sum": sums[0], "sum_squares": products[0]})
        elif kind == "cuped_ratio":
            found.append({"n": n, "sums": sums, "products": products})
        else:
            mm, md, dd = products
            found.append({"n": n, "m": sums[0], "d": sums[1], "mm": mm, "dd": dd, "md": md})
    return found


def analyse(data: Any, kind: str, columns: list[str], alternative: str) -> Case:
    """tea-tasting's answer; its relative interval is on the log scale, by its own convention."""
    builders = {
        "mean": tt.Mean,
        "cuped": tt.Mean,
        "ratio": tt.RatioOfMeans,
        "cuped_ratio": tt.RatioOfMeans,
    }
    metric = builders[kind](*columns, alternative=alternative)
    result = tt.Experiment({"metric": metric}).analyze(data)["metric"]
    ends = (result.effect_size_ci_lower, result.effect_size_ci_upper)
    return {
        "estimate": float(result.effect_size),
        "interval": [float(end) if abs(end) < 1e300 else None for end in ends],
        "p_value": float(result.pvalue),
        "relative": float(result.rel_effect_size),
        "control": float(result.control),
    }
