"""Guards: flagged where the other activity leaves the interval or turns the state, and nowhere else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stat3act import tables
from stat3act.profiles.guards import GUARD_COLUMNS, flags_by_sample, guard_table, states_of

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}
KEYS = ["sample", "compartment"]
NOTHING = pd.DataFrame(columns=["guard", *KEYS, "axis", "activity", "reason"])


def score(sample, activity, half=1.0, compartment="tumour", axis="stat3_core", **changes) -> dict:
    """Lay out one row of the scores whose state follows from activity and half of its interval."""
    return {
        "sample": sample,
        "compartment": compartment,
        "axis": axis,
        "score": activity,
        "activity": activity,
        "ci_low": activity - half,
        "ci_high": activity + half,
        "p_value": 0.01,
        "q_value": 0.01,
        "n_targets": 17,
        "coverage": 1.0,
        "reliability": np.nan,
        "activity_without_top_gene": activity,
        "reference": "cohort (n=12)",
        "reason": "",
        **changes,
    }


def unscored(sample, reason, compartment="tumour", **changes) -> dict:
    empty = dict.fromkeys(("score", "p_value", "q_value", "coverage", "activity_without_top_gene", "reference"), np.nan)
    return score(sample, np.nan, np.nan, compartment, n_targets=np.nan, reason=reason, **(empty | changes))


def otherwise(*rows, guard="ambient", **measured) -> pd.DataFrame:
    noted = dict.fromkeys(("contamination", "contamination_low", "contamination_high", "n_doublets"), np.nan)
    return pd.DataFrame(rows).assign(guard=guard, **(noted | measured))


def compare(main, other, tumour_type="carcinoma", thresholds=DEFAULTS) -> pd.DataFrame:
    table = guard_table(pd.DataFrame(main), other, tumour_type, thresholds)
    assert tuple(table.columns) == GUARD_COLUMNS
    return table


def one(main, other, **changes) -> pd.Series:
    """Return the single row that comparing two scores gives."""
    [[_, row]] = compare([main], otherwise(other), **changes).iterrows()
    return row


@pytest.mark.parametrize(
    ("main", "half", "other", "states", "flagged"),
    [
        (3.0, 1.0, 3.0, ("ON", "ON"), False),
        (3.0, 1.0, 2.1, ("ON", "ON"), False),
        # Both ends of the interval belong to it.
        (3.0, 1.0, 2.0, ("ON", "ON"), False),
        (3.0, 1.0, 4.0, ("ON", "ON"), False),
        (3.0, 1.0, 1.99, ("ON", "ON"), True),
        (3.0, 1.0, 4.01, ("ON", "ON"), True),
        (3.0, 1.0, 0.0, ("ON", "UNKNOWN"), True),
        # Inside the interval, but another state.
        (1.6, 1.0, 1.4, ("ON", "UNKNOWN"), True),
        (1.4, 1.0, 1.6, ("UNKNOWN", "ON"), True),
        (-0.1, 1.0, 0.1, ("OFF", "UNKNOWN"), True),
        (0.4, 0.9, 1.2, ("UNKNOWN", "UNKNOWN"), False),
        (-2.0, 0.9, -3.5, ("OFF", "OFF"), True),
    ],
)
def test_a_flag_by_interval_or_by_state(main, half, other, states, flagged):
    row = one(score("s", main, half), score("s", other, half))
    assert (row["state"], row["state_otherwise"]) == states
    assert row["flag"] == ("AMBIENT_SENSITIVE" if flagged else "")
    assert (row["activity"], row["activity_otherwise"]) == (main, other)
    assert row["difference"] == pytest.approx(other - main) and row["half_width"] == pytest.approx(half)
    assert row["reason"] == ""


def test_each_guard_has_its_flag_and_what_was_measured():
    main = [score("a", 3.0), score("b", 3.0), score("b", 3.0, compartment="bulk")]
    shares = {"contamination": 0.1, "contamination_low": 0.05, "contamination_high": 0.2}
    ambient = otherwise(score("a", 0.0), score("b", 3.1), **shares)
    doublets = otherwise(score("b", 9.0), score("b", 3.0, compartment="bulk"), guard="doublets", n_doublets=7)
    table = compare(main, pd.concat([doublets, ambient], ignore_index=True))
    found = [tuple(row) for row in table[["guard", *KEYS, "flag"]].to_numpy()]
    assert found == [
        ("ambient", "a", "tumour", "AMBIENT_SENSITIVE"),
        ("ambient", "b", "tumour", ""),
        ("doublets", "b", "bulk", ""),
        ("doublets", "b", "tumour", "DOUBLET_SENSITIVE"),
    ]
    first, last = table.iloc[:2], table.iloc[2:]
    assert (first[list(shares)] == list(shares.values())).all(axis=None) and first["n_doublets"].isna().all()
    assert (last["n_doublets"] == 7).all() and last["contamination"].isna().all()


def test_without_guards_there_is_an_empty_table():
    assert compare([score("s", 3.0)], NOTHING).empty
    assert flags_by_sample(compare([score("s", 3.0)], NOTHING)) == {}


def test_what_could_not_be_guarded_has_its_reason_and_no_flag():
    # Its state without numbers would be UNKNOWN, which is not another state but none.
    row = one(score("s", 3.0), unscored("s", "NO_AMBIENT_MARKERS"))
    assert (row["state"], row["state_otherwise"], row["flag"]) == ("ON", "", "")
    assert row["reason"] == "NO_AMBIENT_MARKERS" and np.isnan(row["difference"])
    assert (row["activity"], row["half_width"]) == (3.0, 1.0)


def test_rows_without_a_main_score_are_left_out():
    main = [score("a", 3.0), unscored("b", "LOW_CELLS"), score("c", 1.0, axis="nfkb")]
    other = otherwise(score("a", 3.0), score("b", 3.0), score("c", 3.0), score("d", 3.0))
    assert compare(main, other)["sample"].tolist() == ["a"]
    # Every guard may be empty of them.
    assert compare(main[1:], other).empty


def test_only_the_core_panel_is_compared_but_all_panels_make_the_state():
    def rows(core, epithelial):
        return [score("s", core), score("s", epithelial, axis="stat3_epithelial")]

    [row] = compare(rows(3.0, 1.0), otherwise(*rows(3.0, -1.0))).itertuples()
    assert (row.difference, row.state, row.state_otherwise, row.flag) == (0, "ON", "UNKNOWN", "AMBIENT_SENSITIVE")
    # In other tumours the epithelial panel says nothing about STAT3.
    [row] = compare(rows(3.0, 1.0), otherwise(*rows(3.0, -1.0)), tumour_type="sarcoma").itertuples()
    assert (row.state, row.state_otherwise, row.flag) == ("ON", "ON", "")


def test_thresholds_of_the_config_make_the_states():
    main, other = score("s", 2.0), score("s", 1.8)
    assert one(main, other)["flag"] == ""
    row = one(main, other, thresholds=DEFAULTS | {"on_activity": 1.9})
    assert (row["state"], row["state_otherwise"], row["flag"]) == ("ON", "UNKNOWN", "AMBIENT_SENSITIVE")


def test_compartments_of_one_sample_do_not_mix():
    main = [score("s", 3.0), score("s", -2.0, compartment="myeloid")]
    other = otherwise(score("s", 0.0), score("s", -2.1, compartment="myeloid"))
    table = compare(main, other).set_index("compartment")
    assert table["flag"].to_dict() == {"tumour": "AMBIENT_SENSITIVE", "myeloid": ""}
    assert table["state"].to_dict() == {"tumour": "ON", "myeloid": "OFF"}


def test_states_are_those_of_the_evidence_rule():
    scores = pd.DataFrame([score("b", -2.0), score("a", 3.0), score("a", 1.2, 2.0, "bulk"), unscored("c", "LOW_CELLS")])
    expected = {("a", "bulk"): "UNKNOWN", ("a", "tumour"): "ON", ("b", "tumour"): "OFF", ("c", "tumour"): "UNKNOWN"}
    assert states_of(scores, "carcinoma", DEFAULTS).to_dict() == expected
    # Measured in cells: a low reliability is about a mixture that was never taken apart.
    assert states_of(scores.assign(reliability=0.01), "carcinoma", DEFAULTS).to_dict() == expected
    assert states_of(scores.iloc[:0], "carcinoma", DEFAULTS).empty


def test_tables_read_from_disk_give_the_same(tmp_path):
    main = pd.DataFrame([score("001", 3.0), unscored("002", "LOW_CELLS"), score("003", 1.6)])
    other = otherwise(score("001", 0.0), score("002", 1.0), unscored("003", "NOT_COUNTS"))
    tables.write_table(tmp_path / "scores.tsv", main)
    tables.write_table(tmp_path / "guards.tsv", other)
    read = compare(tables.read_table(tmp_path / "scores.tsv"), tables.read_table(tmp_path / "guards.tsv"))
    pd.testing.assert_frame_equal(read, compare(main, other), check_dtype=False)
    assert flags_by_sample(read) == {"001": {"tumour": ("AMBIENT_SENSITIVE",)}}
    tables.write_table(tmp_path / "compared.tsv", read)
    assert tables.read_table(tmp_path / "compared.tsv")["flag"].isna().tolist() == [False, True]


def test_flags_by_sample_names_both_guards_of_a_compartment_once():
    rows = [
        ("s2", "tumour", "DOUBLET_SENSITIVE"),
        ("s2", "tumour", "AMBIENT_SENSITIVE"),
        ("s2", "myeloid", ""),
        ("s1", "bulk", "AMBIENT_SENSITIVE"),
        ("s3", "tumour", ""),
    ]
    assert flags_by_sample(pd.DataFrame(rows, columns=[*KEYS, "flag"])) == {
        "s1": {"bulk": ("AMBIENT_SENSITIVE",)},
        "s2": {"tumour": ("AMBIENT_SENSITIVE", "DOUBLET_SENSITIVE")},
    }


def state_in_words(activity, half):
    """Judge one panel that passes every other line of the rule."""
    if activity >= DEFAULTS["on_activity"] and activity - half > 0:
        return "ON"
    return "OFF" if activity + half < DEFAULTS["off_ci_high"] else "UNKNOWN"


PLACE = st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(["tumour", "microenvironment", "myeloid"]))
VALUE = st.one_of(st.none(), st.tuples(st.floats(-5, 6).map(lambda x: round(x, 2)), st.sampled_from([0.25, 1.0, 2.5])))


@given(
    st.dictionaries(PLACE, st.tuples(VALUE, VALUE), min_size=1, max_size=9),
    st.sampled_from(["ambient", "doublets"]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_every_row_is_judged_by_itself(places, guard, shuffle):
    def rows(number):
        made = []
        for (sample, compartment), values in places.items():
            value = values[number]
            made.append(
                unscored(sample, "WHY", compartment)
                if value is None
                else score(sample, *value, compartment=compartment)
            )
        shuffle.shuffle(made)
        return made

    found = compare(rows(0), otherwise(*rows(1), guard=guard)).set_index(KEYS)
    assert set(found.index) == {place for place, (main, _) in places.items() if main is not None}
    for place, row in found.iterrows():
        (main, half), other = places[place]
        assert row["state"] == state_in_words(main, half)
        if other is None:
            assert (row["flag"], row["state_otherwise"], row["reason"]) == ("", "", "WHY")
            continue
        assert row["state_otherwise"] == state_in_words(*other)
        sensitive = not main - half <= other[0] <= main + half or row["state"] != row["state_otherwise"]
        assert row["flag"] == ({"ambient": "AMBIENT_SENSITIVE", "doublets": "DOUBLET_SENSITIVE"}[guard] * sensitive)
