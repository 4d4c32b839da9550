import gzip
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stat3act import networks
from stat3act.problems import InputProblems

BUNDLED = Path(__file__).parents[2] / "resources" / "networks"
GENES = Path(__file__).parents[2] / "resources" / "genes" / "genes.tsv"
MARKERS = Path(__file__).parents[2] / "resources" / "markers" / "lineages.tsv"
AXES_FILES = ("stat3.tsv", "rivals.tsv", "shared.tsv", "programmes.tsv")
SOURCE = re.compile(
    r"PMID:\d{6,8}|PMC\d{6,8}|doi:10\.\d{4,9}/\S+|R-HSA-\d+|MSigDB:[A-Z0-9_.]+|WP\d+|https://www\.cellsignal\.com/\S+"
)


def row(axis, gene, weight=1.0, panel="p", compartments="all", source="PMID:17510282"):
    return dict(zip(networks.COLUMNS, (axis, gene, weight, panel, compartments, source), strict=True))


def good_table(*more):
    """Smallest table that passes: one gene per panel and rival."""
    axes = (*networks.STAT3_PANELS, *networks.RIVALS)
    return pd.DataFrame([*(row(axis, f"G{number}") for number, axis in enumerate(axes)), *more])


def names(table, *more):
    return {*table["gene"], *more}


def problems_of(table, ligands=("IL6",), markers=("CD3E",), expected=(), symbols=None):
    with pytest.raises(InputProblems) as caught:
        networks.check_axes(table, symbols or names(table), ligands, markers, expected)
    return [(problem.where, problem.value) for problem in caught.value.problems]


def write_regulon(path, rows, columns=("source", "target", "weight", "PMID"), sep="\t"):
    text = pd.DataFrame(rows, columns=list(columns)).to_csv(index=False, sep=sep)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture(scope="module")
def bundled():
    return pd.concat([networks.read_axes(BUNDLED / name) for name in AXES_FILES], ignore_index=True)


@pytest.fixture(scope="module")
def ligands():
    return pd.read_csv(BUNDLED / "ligands.tsv", sep="\t", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def symbols():
    return networks.read_symbols(GENES)


# --- checks: each has a table that fails it, and only it


def test_smallest_table_passes_and_has_nothing_to_report():
    table = good_table()
    assert networks.check_axes(table, names(table), ["IL6"], ["CD3E"]) == {}


@pytest.mark.parametrize(
    ("extra", "where", "value"),
    [
        (row("programme:x", "G0", panel="q"), "axis programme:x, gene G0", "2 rows"),
        (row("programme:x", "G0", -1.0), "axis programme:x, gene G0", "both signs"),
    ],
)
def test_a_gene_stands_once_in_an_axis(extra, where, value):
    table = good_table(row("programme:x", "G0"), extra)
    assert problems_of(table) == [(where, value)]


@pytest.mark.parametrize("other", [*networks.STAT3_PANELS, *networks.RIVALS])
def test_panels_and_rivals_share_no_gene(other):
    table = good_table(row(other, "SHARED"), row("nfkb" if other != "nfkb" else "hypoxia", "SHARED"))
    assert [where for where, _ in problems_of(table)] == ["gene SHARED"]


def test_a_rival_may_list_a_gene_it_shares_with_a_panel_at_less_weight():
    table = good_table(row("nfkb", "G0", 0.3, panel="shared"))
    assert networks.check_axes(table, names(table), ["IL6"], ["CD3E"]) == {}


@pytest.mark.parametrize(
    ("extra", "where", "value"),
    [
        (row("nfkb", "G0", 1.5, panel="shared"), "axis nfkb, gene G0", "weight 1.5"),
        (row("nfkb", "NEW", 0.3, panel="shared"), "axis nfkb, gene NEW", "a shared gene"),
        (row("programme:x", "G0", 0.3, panel="shared"), "axis programme:x, gene G0", "a shared gene"),
        (row("stat3_epithelial", "G0", 0.3, panel="shared"), "axis stat3_epithelial, gene G0", "a shared gene"),
    ],
)
def test_a_shared_row_is_a_panel_gene_in_a_rival_up_to_weight_one(extra, where, value):
    assert problems_of(good_table(extra)) == [(where, value)]


@pytest.mark.parametrize("axis", ["stat3_core", "programme:x", "u_stat3"])
@pytest.mark.parametrize(("gene", "value"), [("STAT3", "STAT3 or a ligand"), ("IL6", "STAT3 or a ligand")])
def test_stat3_and_its_ligands_are_never_scored(axis, gene, value):
    assert problems_of(good_table(row(axis, gene))) == [(f"axis {axis}, gene {gene}", value)]


def test_a_marker_of_a_compartment_is_never_scored():
    table = good_table(row("programme:x", "CD3E"))
    assert problems_of(table) == [("axis programme:x, gene CD3E", "a compartment marker")]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"compartments": "tumour;stroma"}, "tumour;stroma"),
        ({"compartments": "all;tumour"}, "all;tumour"),
        ({"compartments": ""}, ""),
        ({"weight": np.nan}, "nan"),
        ({"weight": np.inf}, "inf"),
        ({"weight": 0.0}, "0.0"),
        ({"source": ""}, "no source"),
    ],
)
def test_cells_that_cannot_be_used(change, value):
    table = good_table(row("programme:x", "X", **change))
    assert problems_of(table) == [("axis programme:x, gene X", value)]


def test_unknown_symbol_is_a_problem():
    table = good_table(row("programme:x", "DDX58"))
    assert problems_of(table, symbols=names(good_table())) == [("axis programme:x, gene DDX58", "DDX58")]


@pytest.mark.parametrize("axis", [*networks.STAT3_PANELS, *networks.RIVALS])
def test_empty_axis_is_a_problem(axis):
    table = good_table()
    assert problems_of(table[table["axis"] != axis]) == [(f"axis {axis}", "no gene")]


def test_regulon_that_was_asked_for_must_have_genes():
    assert problems_of(good_table(), expected=["stat3_regulon"]) == [("axis stat3_regulon", "no gene")]


def test_all_problems_come_in_one_list():
    table = good_table(row("hypoxia", "IL6"), row("nfkb", "CD3E", np.nan), row("programme:x", "X", source=""))
    assert len(problems_of(table)) == 4


def test_overlaps_of_regulon_and_programmes_are_findings_not_errors():
    table = good_table(row("stat3_regulon", "G0"), row("stat3_regulon", "G3"), row("programme:x", "G4"))
    found = networks.check_axes(table, names(table), [], [])
    assert found == {"stat3_regulon": {"stat3_core": ["G0"], "nfkb": ["G3"]}, "programme:x": {"hypoxia": ["G4"]}}


# --- hash


def test_hash_does_not_depend_on_order():
    table = good_table(row("programme:x", "X", -0.5, compartments="tumour;bulk"))
    shuffled = table.sample(frac=1, random_state=1)[networks.COLUMNS[::-1]]
    shuffled["compartments"] = shuffled["compartments"].replace("tumour;bulk", "bulk;tumour")
    assert networks.hash_axes(shuffled) == networks.hash_axes(table)


@pytest.mark.parametrize(
    "change", [{"gene": "Y"}, {"weight": 2.0}, {"panel": "q"}, {"compartments": "bulk"}, {"source": "PMID:1"}]
)
def test_hash_sees_every_column(change):
    base, other = row("programme:x", "X"), row("programme:x", "X") | change
    assert networks.hash_axes(pd.DataFrame([base])) != networks.hash_axes(pd.DataFrame([other]))


# --- reading


def test_read_axes_puts_the_sign_into_the_weight(tmp_path):
    path = tmp_path / "axes.tsv"
    head = "\t".join(networks.BUNDLED_COLUMNS)
    path.write_text(f"{head}\nprogramme:x\tA\t-\t0.5\tp\tall\tPMID:1\t\nprogramme:x\tB\t+\t2\tp\tall\tPMID:1\tn\n")
    table = networks.read_axes(path)
    assert list(table.columns) == networks.COLUMNS
    assert table["weight"].tolist() == [-0.5, 2.0]


def test_read_axes_names_every_bad_cell(tmp_path):
    path = tmp_path / "axes.tsv"
    head = "\t".join(networks.BUNDLED_COLUMNS)
    path.write_text(f"{head}\nx\tA\tup\t1\tp\tall\ts\t\nx\tB\t+\t-1\tp\tall\ts\t\nx\tC\t+\tmuch\tp\tall\ts\t\n")
    with pytest.raises(InputProblems) as caught:
        networks.read_axes(path)
    assert [(problem.where, problem.value) for problem in caught.value.problems] == [
        ("row 2, column 'sign'", "up"),
        ("row 3, column 'weight'", "-1"),
        ("row 4, column 'weight'", "much"),
    ]


def test_read_axes_names_missing_columns(tmp_path):
    path = tmp_path / "axes.tsv"
    path.write_text("axis\tgene\nx\tA\n")
    with pytest.raises(InputProblems, match="'compartments'"):
        networks.read_axes(path)


def test_symbols_win_over_aliases_and_shared_aliases_are_nobodys(tmp_path):
    path = tmp_path / "genes.tsv"
    path.write_text("symbol\taliases\nRIGI\tDDX58;OLD\nGENE\tOLD;RIGI\nPLAIN\t\n")
    assert networks.read_symbols(path) == {"DDX58": "RIGI", "RIGI": "RIGI", "GENE": "GENE", "PLAIN": "PLAIN"}


EDGES = [
    ("STAT3", "B", "-1", "11;12"),
    ("STAT3", "A", "1", "CollecTRI:21;CollecTRI:22;CollecTRI:22;"),
    ("STAT3", "ONE", "1", "31;31"),
    ("STAT3", "STAT3", "1", "41;42;43"),
    ("STAT3", "A", "1", "21;22"),
    ("STAT1", "Z", "1", "51;52"),
]


@pytest.mark.parametrize(("file", "sep"), [("r.tsv", "\t"), ("r.csv", ","), ("r.tsv.gz", "\t"), ("r.csv.gz", ",")])
def test_read_regulon_keeps_cited_stat3_targets_once(tmp_path, file, sep):
    axis, origin = networks.read_regulon(write_regulon(tmp_path / file, EDGES, sep=sep), "mine", 2)
    assert dict(zip(axis["gene"], axis["weight"], strict=True)) == {"A": 1.0, "B": -1.0}
    assert set(axis["axis"]) == {"stat3_regulon"}
    assert axis["source"].tolist() == ["PMID:21;PMID:22", "PMID:11;PMID:12"]
    assert (origin["edges"], origin["few_references"], origin["references_column"]) == (5, 1, "PMID")


def test_read_regulon_takes_the_column_of_current_decoupler(tmp_path):
    path = write_regulon(tmp_path / "r.tsv", EDGES, ("source", "target", "weight", "references"))
    axis, origin = networks.read_regulon(path, "collectri", 2)
    assert axis["gene"].tolist() == ["A", "B"]
    assert origin["references_column"] == "references"


def test_read_regulon_without_references_keeps_all_and_says_so(tmp_path):
    path = write_regulon(tmp_path / "r.tsv", [edge[:3] for edge in EDGES], ("source", "target", "weight"))
    axis, origin = networks.read_regulon(path, "mine.tsv", 2)
    assert axis["gene"].tolist() == ["A", "B", "ONE"]
    assert set(axis["source"]) == {"mine.tsv"}
    assert origin["references_column"] is None


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([("STAT3", "A", "1")], ("tf", "target", "weight"), "a column 'source'"),
        ([("STAT1", "A", "1")], ("source", "target", "weight"), "no row STAT3"),
        ([("STAT3", "A", "up")], ("source", "target", "weight"), "row 2, column 'weight'"),
        ([("STAT3", "A", "0")], ("source", "target", "weight"), "row 2, column 'weight'"),
        ([("STAT3", "A", "1"), ("STAT3", "A", "-1")], ("source", "target", "weight"), "both signs"),
    ],
)
def test_read_regulon_refuses(tmp_path, rows, columns, message):
    with pytest.raises(InputProblems, match=re.escape(message)):
        networks.read_regulon(write_regulon(tmp_path / "r.tsv", rows, columns), "mine", 0)


# --- preparing


def test_prepare_axes_drops_from_the_regulon_and_reports_why():
    known = ["A", "IL6", "CD3E", "STAT3", "RIGI", "TWO", "G9"]
    symbols = {name: name for name in known} | {"DDX58": "RIGI", "TWO_OLD": "TWO", "G9_OLD": "G9"}
    regulon = pd.DataFrame(
        [row("stat3_regulon", gene) for gene in ("A", "IL6", "CD3E", "DDX58", "hsa-miR-21-5p", "TWO", "G9", "G9_OLD")]
        + [row("stat3_regulon", "TWO_OLD", -1.0)]
    )
    table, dropped = networks.prepare_axes(good_table(), regulon, symbols, {"IL6"}, {"CD3E"})
    assert table.loc[table["axis"] == "stat3_regulon", "gene"].tolist() == ["A", "G9", "RIGI"]
    assert dropped == {
        "no_known_gene": ["hsa-miR-21-5p"],
        "stat3_or_ligand": ["IL6"],
        "compartment_marker": ["CD3E"],
        "both_signs": ["TWO"],
    }


def test_prepare_axes_renames_bundled_genes_but_never_drops_them():
    bundled = good_table(row("programme:x", "OLD"), row("programme:x", "IL6"))
    table, dropped = networks.prepare_axes(bundled, None, {"OLD": "NEW"}, {"IL6"}, {"G0"})
    assert len(table) == len(bundled)
    assert {"NEW", "IL6", "G0"} <= set(table["gene"])
    assert dropped == {}


def test_prepare_axes_is_sorted_whatever_the_order_of_the_input():
    bundled = good_table(row("programme:x", "B"), row("programme:x", "A"))
    first, _ = networks.prepare_axes(bundled, None, {}, set(), set())
    second, _ = networks.prepare_axes(bundled[::-1], None, {}, set(), set())
    pd.testing.assert_frame_equal(first, second)
    assert first[["axis", "gene"]].apply(tuple, axis=1).is_monotonic_increasing


# --- the pin of a regulon


def test_sha256_of_a_pinned_file(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4 example
    assert networks.check_sha256(path, known, "mine") == known
    assert networks.check_sha256(path, None, "mine") == known
    with pytest.raises(InputProblems, match=f"networks.regulon_sha256: {known}"):
        networks.check_sha256(path, "0" * 64, "mine")
    with pytest.raises(InputProblems, match="not set"):
        networks.check_sha256(path, None, "collectri", required=True)


def test_download_is_ordered_and_must_hold_stat3():
    network = pd.DataFrame({"source": ["STAT3", "MYC", "STAT3"], "target": ["B", "TERT", "A"], "weight": [1, 1, -1]})
    ordered = networks.check_download(network)
    assert ordered["target"].tolist() == ["TERT", "A", "B"]
    pd.testing.assert_frame_equal(networks.check_download(network[::-1]), ordered)
    with pytest.raises(InputProblems, match="no row STAT3"):
        networks.check_download(network[network["source"] == "MYC"])
    with pytest.raises(InputProblems, match="'weight'"):
        networks.check_download(network[["source", "target"]])


# --- the bundled tables


def test_bundled_tables_pass_their_own_checks(bundled, ligands, symbols):
    markers = pd.read_csv(MARKERS, sep="\t", dtype=str, keep_default_na=False)
    axes, table, summary = networks.build_network([bundled], ligands, markers, symbols)
    assert len(axes) == len(bundled)
    assert sorted(axes["gene"]) == sorted(bundled["gene"]), "a bundled gene is not written by its current symbol"
    assert summary["sha256"] == networks.hash_axes(bundled)
    assert summary["regulon"] is None
    assert summary["axes"]["stat3_core"]["positive"] >= 15
    assert len(table) == len(ligands)
    assert json.loads(json.dumps(summary)) == summary


def test_build_network_refuses_a_ligand_table_with_an_unknown_gene(bundled, ligands, symbols):
    wrong = ligands.replace({"receptor": {"IL6R;IL6ST": "IL6R;GP130X"}})
    with pytest.raises(InputProblems, match="GP130X"):
        networks.build_network([bundled], wrong, pd.DataFrame({"gene": []}, dtype=str), symbols)


def test_marker_of_a_bundled_gene_is_a_hard_problem_also_by_its_old_name(bundled, ligands, symbols):
    markers = pd.DataFrame({"gene": ["DDX58"]})
    with pytest.raises(InputProblems, match="axis ifn_stat1, gene RIGI"):
        networks.build_network([bundled], ligands, markers, symbols)


def test_bundled_axes_are_the_promised_ones(bundled):
    axes = set(bundled["axis"])
    assert {*networks.STAT3_PANELS, *networks.RIVALS, "u_stat3"} <= axes
    others = {axis for axis in axes if axis not in {*networks.STAT3_PANELS, *networks.RIVALS, "u_stat3"}}
    assert len(others) >= 10
    assert all(re.fullmatch(r"programme:[a-z0-9_]+", axis) for axis in others)
    own = bundled[bundled["panel"] != networks.SHARED]
    sizes = own["axis"].value_counts()
    assert set(own.loc[~own["axis"].isin(networks.STAT3_PANELS), "weight"].abs()) == {1.0}
    shared = bundled[bundled["panel"] == networks.SHARED]
    expected = {"ifn_stat1": 0.1, "hypoxia": 0.1, "nfkb": 0.3, "dissociation_stress": 1.0}
    assert shared.groupby("axis")["weight"].agg(set).to_dict() == {axis: {w} for axis, w in expected.items()}
    assert sizes[[*networks.STAT3_PANELS, *networks.RIVALS]].between(15, 40).all()
    epithelial = set(bundled.loc[bundled["axis"] == "stat3_epithelial", "compartments"])
    assert epithelial == {"tumour;bulk"}


def test_a_target_weighs_by_the_number_of_sources_that_found_it():
    table = pd.read_csv(BUNDLED / "stat3.tsv", sep="\t", dtype=str, keep_default_na=False)
    for target in table[table["axis"].isin(networks.STAT3_PANELS)].itertuples():
        references = re.search(r"CollecTRI STAT3: (\d+) reference", target.note)
        sets = [s for s in target.source.split(";") if s.startswith("MSigDB:") and "HALLMARK" not in s]
        sources = (int(references[1]) if references else 0) + len(sets)
        assert float(target.weight) == pytest.approx(math.log2(1 + max(sources, 1)), abs=0.006), target.gene


@pytest.mark.parametrize("file", [*AXES_FILES, "ligands.tsv"])
def test_every_row_has_sources_to_look_up(file):
    table = pd.read_csv(BUNDLED / file, sep="\t", dtype=str, keep_default_na=False)
    strange = [source for cell in table["source"] for source in cell.split(";") if not SOURCE.fullmatch(source)]
    assert strange == []


def test_bundled_files_are_sorted_tidy_text():
    for file in (*AXES_FILES, "ligands.tsv"):
        text = (BUNDLED / file).read_bytes().decode("utf-8")
        assert text.endswith("\n") and "\r" not in text and '"' not in text
        assert {line.count("\t") for line in text.splitlines()} == {text.splitlines()[0].count("\t")}


def test_ligand_rows_have_receptors_and_only_known_compartments(ligands):
    signals = ligands[ligands["kind"] == "ligand"]
    assert signals[["ligand", "receptor", "kinases", "sender", "receiver"]].ne("").all(axis=None)
    assert not signals.duplicated(["mechanism", "ligand", "receptor"]).any()
    ends = {name for column in ("sender", "receiver") for cell in ligands[column] for name in cell.split(";") if name}
    assert ends <= {*networks.COMPARTMENTS, "all"}
    assert set(ligands["kind"]) == {"ligand", "kinase", "feedback"}
    assert ligands.loc[ligands["kind"] != "ligand", ["ligand", "receptor"]].eq("").all(axis=None)
    assert {"IL6", "LIF", "OSM", "IL11", "IL10", "IL22", "CSF3", "LEP", "EGF", "HGF"} <= set(signals["ligand"])
    assert "SOCS3" in set(ligands.loc[ligands["kind"] == "feedback", "gene"])
