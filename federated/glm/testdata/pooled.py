#!/usr/bin/env python3
"""Pooled fits of the registry data by statsmodels, the expected values of the tests.

    python3 -m venv venv && venv/bin/pip install statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
    venv/bin/python pooled.py .../registry/rwm5yr.csv severity.csv > pooled.json

Features are scaled as the contract of the tests says; iterations stop when no
coefficient moves by more than 1e-14. The ridge fit, which statsmodels lacks for
these models, is Newton's method on the penalised likelihood in long double.
"""
import json
import sys

import numpy as np
import statsmodels.api as sm

raw = np.genfromtxt(sys.argv[1], delimiter=",", names=True)


def design(frame, numbers):
    columns, names = [np.ones(len(frame))], ["(intercept)"]
    for name, lo, hi in numbers:
        half = (hi - lo) / 2
        columns.append((frame[name] - (lo + half)) / half)
        names.append(name)
    for name in ["outwork", "female", "married", "kids"]:
        columns.append((frame[name] == 1).astype(float))
        names.append(name + "=1")
    for year in [1985, 1986, 1987, 1988]:
        columns.append((frame["year"] == year).astype(float))
        names.append(f"year={year}")
    return np.column_stack(columns), names


NUMBERS = [("age", 25, 64), ("educ", 7, 18)]
INCOME = ("hhninc", 0, 31)


def report(name, x, names, y, family, scale, **options):
    model = sm.GLM(y, x, family=family, **options)
    fit = model.fit(method="IRLS", maxiter=500, tol=1e-14, tol_criterion="params", scale=scale)
    assert fit.converged, name
    return {
        "columns": names,
        "coefficients": list(fit.params),
        "errors": list(fit.bse),
        "rows": len(y),
        "deviance": float(model.family.deviance(y, fit.mu, model.var_weights)),
        "pearson": float(fit.pearson_chi2),
        "dispersion": float(fit.scale),
        "largest score": float(np.max(np.abs(model.score(fit.params, scale=1.0)))),
    }


def ridge(x, names, y, penalty):
    x, y = x.astype(np.longdouble), y.astype(np.longdouble)
    p = np.full(x.shape[1], np.longdouble(penalty))
    p[0] = 0
    beta = np.zeros(x.shape[1], np.longdouble)
    beta[0] = np.log(y.mean())
    for _ in range(100):
        mu = np.exp(x @ beta)
        g = x.T @ (y - mu) - p * beta
        h = (x.T * mu) @ x + np.diag(p)
        step = np.linalg.solve(h.astype(float), g.astype(float))
        beta = beta + step
        if np.max(np.abs(step)) < 1e-16:
            break
    h = ((x.T * np.exp(x @ beta)) @ x + np.diag(p)).astype(float)
    return {
        "columns": names,
        "coefficients": [float(b) for b in beta],
        "errors": list(np.sqrt(np.diag(np.linalg.inv(h)))),
        "rows": len(y),
        "largest score": float(np.max(np.abs(g))),
    }


x, names = design(raw, NUMBERS + [INCOME])
visits = raw["docvis"]
log = sm.families.links.Log()
out = {
    "poisson": report("poisson", x, names, visits, sm.families.Poisson(), 1.0),
    "negative-binomial": report(
        "negative-binomial", x, names, visits, sm.families.NegativeBinomial(log, alpha=1 / 0.75), 1.0
    ),
    "tweedie": report("tweedie", x, names, visits, sm.families.Tweedie(log, var_power=1.5), "X2"),
    "logistic": report("logistic", x, names, (visits > 0).astype(float), sm.families.Binomial(), 1.0),
}

exposure = 0.25 + 0.25 * (raw["rownames"] % 4)
weight = 1 + raw["rownames"] % 3
out["poisson, exposure and weights"] = report(
    "exposure", x, names, visits, sm.families.Poisson(), 1.0, offset=np.log(exposure), var_weights=weight
)
out["poisson, ridge"] = ridge(x, names, visits, 500.0)

x, names = design(raw, NUMBERS)
out["linear"] = report("linear", x, names, raw["hhninc"], sm.families.Gaussian(), "X2")
earning = raw[raw["hhninc"] > 0]
x, names = design(earning, NUMBERS)
out["gamma"] = report("gamma", x, names, earning["hhninc"], sm.families.Gamma(log), "X2")

# The cost of a claim: rows of the feature template claim-cost-features of a synthetic
# domain, a row a person and year, the numbers of claims as weights.
rows = np.genfromtxt(sys.argv[2], delimiter=",", names=True, dtype=None, encoding="ascii")
x = np.column_stack([
    np.ones(len(rows)),
    rows["diabetes"] == "yes",
    np.clip((rows["age"] - 50) / 30, -1, 1),
    rows["sex"] == "female",
]).astype(float)
out["severity"] = report(
    "severity", x, ["(intercept)", "diabetes=yes", "age", "sex=female"], rows["cost"], sm.families.Gamma(log), "X2",
    var_weights=rows["claims"].astype(float),
)

json.dump(out, sys.stdout, indent=1)
print()
