"""Drivers: a ligand counts only where its whole receptor and a JAK can hear it."""

import numpy as np
import pandas as pd
import pytest

from stat3act.profiles.drivers import (
    DRIVER_COLUMNS,
    complex_level,
    find_drivers,
    genes_of,
    kind_of,
    signals,
    summarise,
    units,
)

JAKS = "JAK1;JAK2;TYK2"
LIGANDS = pd.DataFrame(
    [
        ("il6_classic", "IL6", "IL6R;IL6ST", JAKS, "fibroblast;tumour", "tumour;myeloid"),
        ("lif", "LIF", "LIFR;IL6ST", JAKS, "tumour;fibroblast", "tumour;fibroblast"),
        ("osm", "OSM", "OSMR;IL6ST", JAKS, "myeloid", "fibroblast;tumour"),
        ("feedback", None, "SOCS3", None, None, "all"),
    ],
    columns=["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"],
)
# log2 CPM, worked through by hand. Rows: tumour, fibroblast, myeloid of one sample.
EXPRESSION = pd.DataFrame(
    {
        "IL6": [0.0, 6.0, 2.9],
        "LIF": [4.0, 0.0, 0.0],
        "OSM": [0.0, 0.0, 7.0],
        "IL6R": [3.5, 0.0, 5.0],
        "IL6ST": [5.0, 4.0, 3.2],
        "LIFR": [3.0, 5.0, 0.0],
        "OSMR": [2.9, 6.0, 0.0],
        "JAK1": [4.0, 3.0, 0.0],
        "JAK2": [1.0, 3.5, 2.0],
    },
    index=["s|tumour", "s|fibroblast", "s|myeloid"],
)
ROWS = pd.DataFrame({"sample": "s", "compartment": ["tumour", "fibroblast", "myeloid"]}, index=EXPRESSION.index)


def test_three_compartments_by_hand():
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0)
    assert list(found.columns) == DRIVER_COLUMNS
    # IL6 of fibroblasts reaches the tumour (IL6R 3.5). Fibroblasts lack IL6R. Myeloid cells have IL6R and IL6ST but
    # no JAK. LIF of the tumour reaches tumour (LIFR 3.0) and fibroblasts. OSM reaches fibroblasts; OSMR of the
    # tumour is 2.9, below the line, and so is the IL6 of myeloid cells.
    table = found.set_index(["ligand", "sender", "receiver"])
    expected = {
        ("IL6", "fibroblast", "tumour"): (6.0, 3.5, 4.0, "paracrine"),
        ("LIF", "tumour", "tumour"): (4.0, 3.0, 4.0, "autocrine"),
        ("LIF", "tumour", "fibroblast"): (4.0, 4.0, 3.5, "tumour_educates"),
        ("OSM", "myeloid", "fibroblast"): (7.0, 4.0, 3.5, "microenvironment_internal"),
    }
    assert set(table.index) == set(expected)
    for ends, (ligand, receptor, kinase, kind) in expected.items():
        row = table.loc[ends]
        assert (row.ligand_log2_cpm, row.receptor_log2_cpm, row.kinase_log2_cpm, row.kind) == (
            ligand,
            receptor,
            kinase,
            kind,
        )


def test_a_complex_is_as_low_as_its_lowest_subunit_and_missing_with_one_missing():
    assert complex_level(EXPRESSION, "IL6R;IL6ST").tolist() == [3.5, 0.0, 3.2]
    assert complex_level(EXPRESSION, "IL6R;ABSENT").isna().all()


def test_a_receptor_with_an_unmeasured_subunit_hears_nothing():
    found = find_drivers(EXPRESSION.drop(columns="IL6R"), ROWS, LIGANDS, 3.0)
    assert "IL6" not in set(found["ligand"])
    assert "LIF" in set(found["ligand"])


def test_without_a_jak_nothing_is_heard():
    found = find_drivers(EXPRESSION.assign(JAK1=0.0, JAK2=0.0), ROWS, LIGANDS, 3.0)
    assert found.empty
    assert list(found.columns) == DRIVER_COLUMNS
    assert find_drivers(EXPRESSION.drop(columns=["JAK1", "JAK2"]), ROWS, LIGANDS, 3.0).empty
    # TYK2 is a partner of JAK1 and JAK2, not their stand-in.
    assert find_drivers(EXPRESSION.assign(JAK1=0.0, JAK2=0.0, TYK2=9.0), ROWS, LIGANDS, 3.0).empty


def test_a_receptor_that_is_its_own_kinase_needs_no_jak():
    egf = pd.DataFrame([("egfr", "EGF", "EGFR", "EGFR;SRC", "tumour", "tumour")], columns=LIGANDS.columns)
    levels = EXPRESSION.assign(EGF=[5.0, 0, 0], EGFR=[4.0, 0, 0], JAK1=0.0, JAK2=0.0)
    [row] = find_drivers(levels, ROWS, egf, 3.0).itertuples()
    assert (row.kind, row.kinase_log2_cpm) == ("autocrine", 4.0)


def test_a_ligand_of_two_chains_needs_both():
    il27 = pd.DataFrame([("il27", "IL27;EBI3", "IL6ST", JAKS, "myeloid", "tumour")], columns=LIGANDS.columns)
    levels = EXPRESSION.assign(IL27=9.0, EBI3=[0.0, 0.0, 4.0])
    found = find_drivers(levels, ROWS, il27, 3.0)
    assert set(found["sender"]) == {"myeloid"}
    assert set(found["ligand_log2_cpm"]) == {4.0}


def test_usual_routes_come_before_stronger_unusual_ones():
    levels = EXPRESSION.assign(OSM=[9.0, 0.0, 4.0], OSMR=5.0)
    found = find_drivers(levels, ROWS, LIGANDS, 3.0)
    inside = found[(found["receiver"] == "tumour") & (found["sender"] != "tumour")]
    assert inside["ligand"].tolist() == ["IL6", "OSM"]
    autocrine = found[found["kind"] == "autocrine"]
    assert autocrine["ligand"].tolist() == ["LIF", "OSM"]  # OSM is higher, but tumour cells are no usual source


def test_pooled_microenvironment_stands_in_only_without_lineages():
    assert units(["bulk", "tumour", "microenvironment"]) == ["tumour", "microenvironment"]
    assert units(["microenvironment", "myeloid", "tumour"]) == ["tumour", "myeloid"]
    assert units(["bulk"]) == []
    assert find_drivers(EXPRESSION.iloc[:1], ROWS.iloc[:1].assign(compartment="bulk"), LIGANDS, 3.0).empty


def test_samples_do_not_mix_and_order_does_not_matter():
    other = EXPRESSION.iloc[:1].assign(IL6=9.0).rename(index={"s|tumour": "t|tumour"})
    both = pd.concat([EXPRESSION, other])
    rows = pd.concat([ROWS, pd.DataFrame({"sample": "t", "compartment": "tumour"}, index=other.index)])
    found = find_drivers(both, rows, LIGANDS, 3.0)
    pd.testing.assert_frame_equal(
        found[found["sample"] == "s"].reset_index(drop=True), find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0)
    )
    assert set(found.loc[found["sample"] == "t", "kind"]) == {"autocrine"}
    shuffled = np.random.default_rng(1).permutation(both.index)
    again = find_drivers(both.loc[shuffled, both.columns[::-1]], rows.loc[shuffled], LIGANDS.iloc[::-1], 3.0)
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.parametrize(
    ("sender", "receiver", "kind"),
    [
        ("tumour", "tumour", "autocrine"),
        ("myeloid", "tumour", "paracrine"),
        ("microenvironment", "tumour", "paracrine"),
        ("tumour", "fibroblast", "tumour_educates"),
        ("myeloid", "fibroblast", "microenvironment_internal"),
    ],
)
def test_kinds(sender, receiver, kind):
    assert kind_of(sender, receiver) == kind


def test_rows_without_a_ligand_are_not_signals():
    assert set(signals(LIGANDS)["ligand"]) == {"IL6", "LIF", "OSM"}
    assert "SOCS3" not in genes_of(LIGANDS)
    assert {"JAK1", "JAK2", "IL6ST"} <= set(genes_of(LIGANDS))


def test_summary_names_only_what_reaches_where_stat3_is_on():
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0)
    tumour = {"tumour": "ON", "microenvironment": "OFF"}
    assert summarise(found, tumour) == "paracrine: IL6 (fibroblast -> tumour); autocrine: LIF (tumour -> tumour)"
    stroma = {"tumour": "OFF", "microenvironment": "ON"}
    assert summarise(found, stroma) == (
        "microenvironment_internal: OSM (myeloid -> fibroblast); tumour_educates: LIF (tumour -> fibroblast)"
    )
    assert summarise(found, {"tumour": "OFF", "microenvironment": "UNKNOWN"}) == ""
    assert summarise(found.iloc[:0], tumour) == "none_found"
    assert summarise(None, tumour) == "not_assessed"


# Without ambient RNA: the IL6 of fibroblasts and everything of myeloid cells stays, the tumour's LIF does not.
CLEANED = EXPRESSION.assign(LIF=[2.9, 0.0, 0.0])


def holding(found):
    return {tuple(row[:3]): row[3] for row in found[["ligand", "sender", "receiver", "without_ambient"]].to_numpy()}


def test_what_is_gone_without_ambient_rna_stays_in_the_table_and_says_so():
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, CLEANED)
    assert holding(found) == {
        ("IL6", "fibroblast", "tumour"): True,
        ("LIF", "tumour", "tumour"): False,
        ("LIF", "tumour", "fibroblast"): False,
        ("OSM", "myeloid", "fibroblast"): True,
    }
    # The levels and their order are those that were measured.
    plain = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0)
    pd.testing.assert_frame_equal(found.drop(columns="without_ambient"), plain.drop(columns="without_ambient"))
    assert plain["without_ambient"].isna().all()


@pytest.mark.parametrize(
    ("gene", "row", "gone"),
    [
        ("IL6", "s|fibroblast", True),
        ("IL6", "s|tumour", False),
        ("IL6R", "s|tumour", True),
        ("IL6R", "s|fibroblast", False),
        ("IL6ST", "s|tumour", True),
        ("JAK1", "s|tumour", True),
        # JAK1 is enough.
        ("JAK2", "s|tumour", False),
        ("LIFR", "s|tumour", False),
    ],
)
def test_ligand_whole_receptor_and_kinase_must_all_hold(gene, row, gone):
    cleaned = EXPRESSION.copy()
    cleaned.loc[row, gene] = 0.0
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, cleaned)
    assert holding(found)["IL6", "fibroblast", "tumour"] is not gone


@pytest.mark.filterwarnings("error")
def test_where_the_senders_ambient_rna_is_not_known_nothing_is_said():
    nothing = EXPRESSION * 0.0
    found = holding(find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, nothing.loc[["s|tumour", "s|myeloid"]]))
    assert found == {
        ("IL6", "fibroblast", "tumour"): None,
        ("LIF", "tumour", "tumour"): False,
        ("LIF", "tumour", "fibroblast"): False,
        ("OSM", "myeloid", "fibroblast"): False,
    }
    # A receiver of unknown ambient RNA hears as measured.
    found = holding(find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, EXPRESSION.loc[["s|myeloid"]]))
    assert found["OSM", "myeloid", "fibroblast"] is True and found["LIF", "tumour", "fibroblast"] is None
    # Known in no row, or given in another order of rows and genes.
    assert set(holding(find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, nothing.iloc[:0])).values()) == {None}
    shuffled = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, CLEANED.iloc[::-1, ::-1])
    pd.testing.assert_frame_equal(shuffled, find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, CLEANED))


def test_what_is_not_known_to_be_gone_is_told():
    tumour = {"tumour": "ON", "microenvironment": "OFF"}
    unknown = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, (EXPRESSION * 0.0).loc[["s|tumour"]])
    # The tumour hears nothing without ambient RNA, but whether fibroblasts send IL6 is not known; its LIF is gone.
    assert summarise(unknown, tumour) == "paracrine: IL6 (fibroblast -> tumour)"


def test_ambient_rna_that_is_gone_makes_no_new_driver():
    # Shares of the other genes rise a little when ambient counts are taken off.
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, EXPRESSION + 9.0)
    plain = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0)
    assert len(found) == len(plain) and found["without_ambient"].all()


def test_the_level_itself_is_still_expressed_without_ambient_rna():
    for level, holds in ((3.0, True), (2.999, False)):
        found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, CLEANED.assign(LIF=[level, 0.0, 0.0]))
        assert holding(found)["LIF", "tumour", "tumour"] is holds


def test_summary_leaves_out_what_is_gone_without_ambient_rna():
    tumour = {"tumour": "ON", "microenvironment": "OFF"}
    found = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, CLEANED)
    assert summarise(found, tumour) == "paracrine: IL6 (fibroblast -> tumour)"
    nothing = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, EXPRESSION * 0.0)
    assert len(nothing) == len(found) and summarise(nothing, tumour) == "none_found"
    everything = find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0, EXPRESSION)
    assert summarise(everything, tumour) == summarise(find_drivers(EXPRESSION, ROWS, LIGANDS, 3.0), tumour)


def test_a_ligand_is_named_with_the_sender_that_holds():
    """The strongest sender of a ligand is ambient RNA only; the next one is named, and no ligand is lost."""
    levels = EXPRESSION.assign(OSM=[0.0, 9.0, 7.0], OSMR=5.0)
    both = LIGANDS.assign(sender="fibroblast;myeloid")
    tumour = {"tumour": "ON", "microenvironment": "OFF"}
    text = summarise(find_drivers(levels, ROWS, both, 3.0), tumour)
    assert "OSM (fibroblast -> tumour)" in text
    cleaned = levels.assign(OSM=[0.0, 0.0, 7.0])
    text = summarise(find_drivers(levels, ROWS, both, 3.0, cleaned), tumour)
    assert "OSM (myeloid -> tumour)" in text and "OSM (fibroblast -> tumour)" not in text
