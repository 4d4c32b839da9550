"""From the score table of a cohort to its profiles and calls."""

import hashlib
from itertools import product
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act import tables
from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.problems import InputProblems
from stat3act.profiles.lesions import LESION_COLUMNS, read_lesions
from stat3act.profiles.levels import gene_levels, measured_rows
from stat3act.profiles.tables import CALL_COLUMNS, PROFILE_COLUMNS, build_profiles, profiles_matrix

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}
AXES = ("stat3_core", "stat3_epithelial", "ifn_stat1", "nfkb", "hypoxia", "u_stat3")
NUMBERS = ("score", "activity", "ci_low", "ci_high", "p_value", "q_value", "activity_without_top_gene")
LIGANDS = pd.DataFrame(
    [("il6", "IL6", "IL6R;IL6ST", "JAK1;JAK2", "fibroblast", "tumour")],
    columns=["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"],
)

DRIVER_GENES = ["IL6", "IL6R", "IL6ST", "JAK1", "JAK2"]


def score_rows(sample, compartment, activity, reason=""):
    rows = []
    for axis in AXES:
        value = activity if axis.startswith("stat3") else 0.0
        numbers = (value + 0.5, value, value - 1.2, value + 1.2, 0.5 - value / 6.1, 0.5 - value / 6.1, value - 0.4)
        scored = reason == "" and not (axis == "stat3_epithelial" and compartment not in ("tumour", "bulk"))
        row = dict(zip(NUMBERS, numbers, strict=True)) if scored else dict.fromkeys(NUMBERS, np.nan)
        rows.append(
            {
                "sample": sample,
                "compartment": compartment,
                "axis": axis,
                **row,
                "interval": np.nan,
                "n_targets": 17 if scored else np.nan,
                "coverage": 1.0 if scored else np.nan,
                "n_cells": 40,
                "fraction": 0.5,
                "reliability": np.nan,
                "leading_genes": "SOCS3;BCL3" if scored else np.nan,
                "reference": "cohort (n=12)" if scored else np.nan,
                "inflation": 1.2 if scored else np.nan,
                "reason": np.nan if scored else (reason or "NOT_MEANINGFUL"),
            }
        )
    return rows


SAMPLES = [{"sample": name, "patient": f"p_{name}"} for name in ("s2", "s1", "s3", "s4")]
STATES = {"s1": (3.0, -1.0), "s2": (-1.0, 3.0), "s3": (3.0, 3.0), "s4": (-1.0, None)}


def scores():
    rows = []
    for sample, (tumour, other) in STATES.items():
        rows += score_rows(sample, "tumour", tumour)
        rows += score_rows(sample, "microenvironment", other or 0.0, "" if other is not None else "LOW_CELLS")
        rows += score_rows(sample, "bulk", tumour)
    return pd.DataFrame(rows)


def composition():
    rows = [(sample, name, 40, 0.5, "") for sample, name in product(STATES, ("tumour", "microenvironment"))]
    return pd.DataFrame(rows, columns=["sample", "compartment", "n_cells", "fraction", "reason"])


def expression():
    names = [(sample, name) for sample in STATES for name in ("tumour", "microenvironment", "bulk")]
    obs = pd.DataFrame(names, columns=["sample", "compartment"], index=["|".join(name) for name in names])
    obs["reason"] = ["LOW_CELLS" if name == ("s4", "microenvironment") else "" for name in names]
    genes = [*DRIVER_GENES, "ACTB"]
    adata = ad.AnnData(np.full((len(names), len(genes)), 5.0, np.float32), obs, pd.DataFrame(index=genes))
    adata[obs["compartment"] == "tumour", "IL6"] = 0.0
    adata.layers["linear"] = 2**adata.X - 1
    return adata


def flagged(*rows):
    """Return what of the table of guards the calls read."""
    return pd.DataFrame(rows, columns=["sample", "compartment", "flag"])


def build(
    table=None,
    kind="single_cell",
    samples=SAMPLES,
    thresholds=DEFAULTS,
    with_levels=True,
    parts=None,
    cleaned=None,
    guards=None,
    lesions=None,
):
    adata = expression()
    rows = measured_rows(adata)
    levels = gene_levels(adata, rows.index, DRIVER_GENES) if with_levels else None
    return build_profiles(
        scores() if table is None else table,
        levels,
        None if cleaned is None else gene_levels(cleaned, rows.index, DRIVER_GENES),
        rows,
        composition() if parts is None else parts,
        LIGANDS,
        samples,
        {},
        read_lesions(None, "", ()) if lesions is None else lesions,
        flagged() if guards is None else guards,
        thresholds,
        "carcinoma",
        kind,
        ["nfkb"],
    )


def test_every_sample_gets_the_call_its_scores_ask_for():
    profiles, calls, drivers = build()
    assert list(profiles.columns) == PROFILE_COLUMNS
    assert list(calls.columns) == CALL_COLUMNS
    assert dict(zip(calls["sample"], calls["call"], strict=True)) == {
        "s1": "TUMOUR_INTRINSIC_ACTIVE",
        "s2": "STROMA_ACTIVE",
        "s3": "BOTH_ACTIVE",
        "s4": "INDETERMINATE",
    }
    assert calls["patient"].tolist() == ["p_s1", "p_s2", "p_s3", "p_s4"]
    s1 = calls.set_index("sample").loc["s1"]
    assert (s1["tumour_activity"], s1["tumour_ci_low"], s1["bulk_score"], s1["purity"]) == (3.0, 1.8, 3.5, 0.5)
    assert s1["purity_source"] == "share of cells"
    assert s1["driver"] == "paracrine: IL6 (microenvironment -> tumour)"
    assert set(drivers["kind"]) == {"paracrine", "microenvironment_internal"}
    assert "s4" not in set(drivers["sample"])


def test_a_lesion_is_named_beside_the_call_and_does_not_make_it():
    plain = build()[1].set_index("sample")
    said = dict.fromkeys(LESION_COLUMNS, "") | {"gene": "STAT3", "alteration": "p.Y640F", "certainty": "known"}
    lesions = pd.DataFrame([said | {"sample": sample} for sample in ("s1", "s2", "s4")])
    found = build(lesions=lesions)[1].set_index("sample")
    assert found.at["s1", "driver"] == "genetic: STAT3 Y640F; paracrine: IL6 (microenvironment -> tumour)"
    assert found.loc[["s2", "s3", "s4"], "driver"].tolist() == plain.loc[["s2", "s3", "s4"], "driver"].tolist()
    same = [column for column in plain if column != "driver"]
    pd.testing.assert_frame_equal(found[same], plain[same])


def test_guards_flag_the_calls_that_rest_on_their_compartments():
    plain = build()[1].set_index("sample")
    rows = [
        ("s1", "tumour", "AMBIENT_SENSITIVE"),
        ("s1", "tumour", "DOUBLET_SENSITIVE"),
        ("s2", "microenvironment", "DOUBLET_SENSITIVE"),
        ("s3", "bulk", "AMBIENT_SENSITIVE"),
        ("s3", "tumour", ""),
        ("s4", "microenvironment", "AMBIENT_SENSITIVE"),
        ("s9", "tumour", "AMBIENT_SENSITIVE"),
    ]
    found = build(guards=flagged(*rows))[1].set_index("sample")
    assert found["call"].tolist() == plain["call"].tolist()
    added = {
        sample: set(found.at[sample, "reason_codes"].split(";")) - set(plain.at[sample, "reason_codes"].split(";"))
        for sample in plain.index
    }
    # The whole sample is no part of a call, and s4 has no microenvironment that was judged.
    both = {"AMBIENT_SENSITIVE", "DOUBLET_SENSITIVE"}
    assert added == {"s1": both, "s2": {"DOUBLET_SENSITIVE"}, "s3": set(), "s4": set()}
    assert plain["confidence"].to_dict() == {"s1": "high", "s2": "moderate", "s3": "moderate", "s4": "low"}
    assert found["confidence"].to_dict() == {"s1": "moderate", "s2": "moderate", "s3": "moderate", "s4": "low"}
    same = [column for column in plain if column not in ("confidence", "reason_codes")]
    pd.testing.assert_frame_equal(found[same], plain[same])


def test_drivers_that_are_ambient_rna_are_listed_and_not_told():
    _, plain, measured = build()
    cleaned = expression()
    cleaned["s1|microenvironment", "IL6"] = 0.0
    _, calls, drivers = build(cleaned=cleaned)
    assert drivers.groupby("sample")["without_ambient"].agg(set).to_dict() == {
        "s1": {False},
        "s2": {True},
        "s3": {True},
    }
    pd.testing.assert_frame_equal(drivers.drop(columns="without_ambient"), measured.drop(columns="without_ambient"))
    told, before = calls.set_index("sample")["driver"], plain.set_index("sample")["driver"]
    assert told["s1"] == "none_found" and before["s1"] == "paracrine: IL6 (microenvironment -> tumour)"
    assert told.drop("s1").to_dict() == before.drop("s1").to_dict()
    pd.testing.assert_frame_equal(calls.drop(columns="driver"), plain.drop(columns="driver"))


def test_methods_beside_the_scores_come_last_and_change_nothing_else():
    profiles, calls, drivers = build()
    more, same_calls, same_drivers = build(scores().assign(viper=1.0, aucell=0.5))
    assert list(more.columns) == [*PROFILE_COLUMNS, "viper", "aucell"]
    pd.testing.assert_frame_equal(more[PROFILE_COLUMNS], profiles)
    pd.testing.assert_frame_equal(same_calls, calls)
    pd.testing.assert_frame_equal(same_drivers, drivers)
    assert [column for column in profiles if column not in SCORE_COLUMNS] == ["patient"]


def test_every_call_says_what_its_activities_are_relative_to():
    _, calls, _ = build()
    assert calls["reference"].tolist() == ["cohort (n=12)"] * 4
    table = scores()
    table.loc[table["compartment"].eq("bulk") & table["sample"].eq("s1"), "reference"] = "controls (n=6, early)"
    missing = table["compartment"].eq("bulk") & table["sample"].eq("s2")
    table.loc[missing, [*NUMBERS, "n_targets", "coverage"]] = np.nan
    table.loc[missing, ["reference", "reason"]] = [np.nan, "NO_REFERENCE"]
    _, calls, _ = build(table)
    told = calls.set_index("sample")["reference"]
    assert told["s1"] == "tumour: cohort (n=12); microenvironment: cohort (n=12); bulk: controls (n=6, early)"
    assert told["s2"] == "cohort (n=12)"
    _, calls, _ = build(samples=[{"sample": "s0", "patient": "p"}])
    assert calls["reference"].tolist() == [""]


def test_a_sample_without_any_row_is_indeterminate():
    extra = [*SAMPLES, {"sample": "s0", "patient": "p"}]
    _, calls, _ = build(samples=extra)
    first = calls.iloc[0]
    assert (first["sample"], first["call"], first["reason_codes"]) == ("s0", "INDETERMINATE", "NOT_MEASURED")


def test_row_order_changes_nothing():
    shuffled = scores().sample(frac=1, random_state=3)
    for left, right in zip(build(), build(shuffled, samples=SAMPLES[::-1]), strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_unsplit_bulk_is_bulk_only_and_split_bulk_is_probable():
    bulk = scores()[lambda table: table["compartment"] == "bulk"]
    nothing = composition().assign(fraction=np.nan)
    _, calls, drivers = build(bulk, kind="bulk", with_levels=False, parts=nothing)
    assert set(calls["call"]) == {"INDETERMINATE"}
    assert all(codes.startswith("BULK_ONLY") for codes in calls["reason_codes"])
    assert calls.set_index("sample")["bulk_state"].to_dict() == {"s1": "ON", "s2": "OFF", "s3": "ON", "s4": "OFF"}
    assert set(calls["driver"]) == {"not_assessed"}
    assert drivers.empty
    _, split, _ = build(kind="bulk", with_levels=False)
    assert split["call"].tolist() == build()[1]["call"].tolist()
    assert set(split["confidence"]) <= {"moderate", "low"}
    assert "probably" in split.set_index("sample").loc["s1", "statement"]
    assert set(split["purity_source"]) == {"estimated from bulk"}


def test_rows_without_numbers_do_not_make_a_split():
    table = scores()
    hit = table["compartment"].isin(["tumour", "microenvironment"])
    table.loc[hit, [*NUMBERS, "n_targets", "coverage"]] = np.nan
    table.loc[hit, "reason"] = "NOT_MEASURED"
    _, calls, _ = build(table, kind="bulk", with_levels=False, parts=composition().assign(fraction=np.nan))
    assert all(codes.startswith("BULK_ONLY") for codes in calls["reason_codes"])
    assert calls["purity"].isna().all()
    assert not calls["purity_source"].any()


def test_purity_is_unknown_where_the_tumour_could_not_be_called():
    parts = composition()
    told = parts["sample"].isin(["s1", "s2"]) & parts["compartment"].eq("tumour")
    parts.loc[told, ["n_cells", "fraction", "reason"]] = [0, 0.0, "UNCERTAIN_CELLS"]
    # Too few cells are a share all the same.
    parts.loc[parts["sample"].eq("s3") & parts["compartment"].eq("tumour"), "reason"] = "LOW_CELLS"
    calls = build(parts=parts)[1].set_index("sample")
    assert calls.loc[["s1", "s2"], "purity"].isna().all() and set(calls.loc[["s1", "s2"], "purity_source"]) == {""}
    assert calls.loc[["s3", "s4"], "purity"].tolist() == [0.5, 0.5]
    assert set(calls.loc[["s3", "s4"], "purity_source"]) == {"share of cells"}


def test_a_failed_split_is_not_bulk_only():
    table = scores()
    hit = table["compartment"].isin(["tumour", "microenvironment"])
    table.loc[hit, [*NUMBERS, "n_targets", "coverage"]] = np.nan
    table.loc[hit, "reason"] = "LOW_PURITY"
    _, calls, _ = build(table, kind="bulk", with_levels=False)
    assert set(calls["reason_codes"]) == {"LOW_PURITY;BULK_DERIVED"}


def test_thresholds_that_contradict_each_other_stop_the_run():
    with pytest.raises(InputProblems, match="off_ci_high"):
        build(thresholds={**DEFAULTS, "off_ci_high": 9.0})


def test_matrix_holds_the_profiles(tmp_path):
    profiles, _, _ = build()
    adata = profiles_matrix(profiles)
    tables.write_h5ad(tmp_path / "a.h5ad", adata)
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert list(back.var_names) == sorted(AXES)
    assert back.obs["patient"].astype(str).tolist() == [f"p_{name.split('|')[0]}" for name in back.obs_names]
    for row in profiles.itertuples():
        cell = back[f"{row.sample}|{row.compartment}", row.axis]
        for layer in ("score", "activity", "p_value"):
            np.testing.assert_equal(float(cell.layers[layer][0, 0]), float(getattr(row, layer)))
        np.testing.assert_equal(float(cell.X[0, 0]), float(row.activity))
        assert bool(cell.layers["valid"][0, 0]) == (not isinstance(row.reason, str))
    told = profiles.dropna(subset=["activity"]).drop_duplicates(["sample", "compartment"])
    names = told["sample"] + "|" + told["compartment"]
    assert back.obs.loc[names, "reference"].tolist() == told["reference"].tolist()
    assert back.obs.at["s4|microenvironment", "reference"] == ""


def test_the_mask_tells_meaningless_from_measured():
    adata = profiles_matrix(build()[0])
    assert adata.layers["valid"].dtype == bool
    assert adata["s1|tumour", "stat3_epithelial"].layers["valid"].all()
    # Written as NOT_MEANINGFUL in the profiles.
    assert not adata["s1|microenvironment", "stat3_epithelial"].layers["valid"].any()
    assert not adata["s4|microenvironment"].layers["valid"].any()


def test_tables_have_the_same_bytes_each_time(tmp_path):
    digests = set()
    for name in ("a", "b"):
        for table, kind in zip(build(), ("profiles", "calls", "drivers"), strict=True):
            tables.write_table(tmp_path / name / f"{kind}.tsv", table)
        content = b"".join(path.read_bytes() for path in sorted((tmp_path / name).iterdir()))
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1


def test_levels_read_the_same_from_a_backed_file(tmp_path):
    adata = expression()
    tables.write_h5ad(tmp_path / "x.h5ad", adata)
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    rows = measured_rows(backed)
    assert "s4|microenvironment" not in rows.index
    found = gene_levels(backed, rows.index, ["JAK1", "IL6", "ABSENT"])
    assert found.columns.tolist() == ["IL6", "JAK1"]
    pd.testing.assert_frame_equal(found, gene_levels(adata, rows.index, ["JAK1", "IL6"]))
    assert found.loc["s1|tumour"].tolist() == [0.0, 5.0]
