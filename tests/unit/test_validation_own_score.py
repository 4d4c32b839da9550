"""The own score is the coefficient that a separate least-squares library finds, in log2 units."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from stat3act.validation.own_score import own_scores

GENES = pd.Index([f"G{number}" for number in range(300)])


@pytest.fixture
def profiles():
    rng = np.random.default_rng(3)
    values = np.exp(rng.normal(3, 1, 300) + 0.3 * rng.standard_normal((10, 300)))
    return pd.DataFrame(values, columns=GENES)


def axis_table(**parts):
    rows = [
        pd.DataFrame({"axis": axis, "gene": list(genes), "weight": weight, "compartments": place})
        for axis, (genes, weight, place) in parts.items()
    ]
    return pd.concat(rows, ignore_index=True)


def test_every_axis_is_its_coefficient_beside_its_rivals(profiles):
    axes = axis_table(
        stat3_core=(GENES[:20], [2.0, -3.0] * 10, "all"),
        nfkb=(GENES[15:40], 1.5, "all"),
        hypoxia=(GENES[38:60], 1.0, "all"),
    )
    found = own_scores(profiles, axes, {"stat3_core": ["nfkb", "hypoxia"], "nfkb": ["stat3_core"]})
    logged = np.log2(profiles.div(profiles.sum(axis=1), axis=0) * 1e6 + 1)
    column = {name: part.set_index("gene")["weight"].reindex(GENES).fillna(0) for name, part in axes.groupby("axis")}
    for axis, rivals in (("stat3_core", ["nfkb", "hypoxia"]), ("nfkb", ["stat3_core"])):
        own = np.sign(column[axis]) if axis == "stat3_core" else column[axis]
        design = sm.add_constant(np.column_stack([own, *(column[name] for name in rivals)]))
        slopes = [sm.OLS(row, design).fit().params[1] for row in (logged - logged.mean()).to_numpy()]
        np.testing.assert_allclose(found[axis], slopes, rtol=1e-8)


def test_a_common_rise_of_all_targets_is_found_in_log2_units(profiles):
    axes = axis_table(stat3_core=(GENES[:20], 1.0, "all"))
    raised = profiles.copy()
    raised.loc[0, GENES[:20]] *= 4
    before, after = (own_scores(part, axes, {"stat3_core": []})["stat3_core"] for part in (profiles, raised))
    # Relative to the mean of ten samples, one of which moved by two.
    assert (after - before)[0] == pytest.approx(2 * 0.9, abs=0.02)
    np.testing.assert_allclose((after - before)[1:], -0.2, atol=0.02)


def test_only_genes_that_mean_something_in_the_compartment_count(profiles):
    axes = axis_table(stat3_core=(GENES[:20], 1.0, "tumour"), nfkb=(GENES[20:40], 1.0, "all"))
    rivals = {"stat3_core": ["nfkb"], "nfkb": ["stat3_core"]}
    rest = own_scores(profiles, axes, rivals, "microenvironment")
    assert rest["stat3_core"].isna().all() and rest["nfkb"].notna().all()
    assert own_scores(profiles, axes, rivals, "tumour")["stat3_core"].notna().all()
