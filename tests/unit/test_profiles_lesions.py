"""Genetic lesions: how they are written, which can drive STAT3, and what a wrong table is told."""

import re
from pathlib import Path

import pandas as pd
import pytest

from stat3act.profiles.drivers import summarise
from stat3act.profiles.lesions import (
    CERTAINTIES,
    GIVEN,
    KINDS,
    LESION_COLUMNS,
    Alteration,
    find_lesions,
    genetic_answer,
    lesion_problems,
    meets,
    read_alteration,
    read_lesions,
)
from stat3act.tables import read_text_table

ROOT = Path(__file__).resolve().parents[2]
KNOWN = read_text_table(ROOT / "resources/networks/lesions.tsv")


# After the HGVS recommendations for proteins, in one-letter and three-letter form, and as MAF files have them.
@pytest.mark.parametrize(
    ("written", "kind", "residue"),
    [
        ("p.Y640F", "missense", 640),
        ("Y640F", "missense", 640),
        ("p.Tyr640Phe", "missense", 640),
        ("p.(Tyr640Phe)", "missense", 640),
        ("p.W24*", "truncating", 24),
        ("p.Trp24Ter", "truncating", 24),
        ("p.R97Pfs*23", "truncating", 97),
        ("p.Arg97ProfsTer23", "truncating", 97),
        ("p.X125_splice", "truncating", 125),
        ("p.M1?", "truncating", 1),
        ("p.V7del", "in_frame", 7),
        ("p.K23_V25del", "in_frame", 23),
        ("p.S187_Y190del", "in_frame", 187),
        ("p.H4_Q5insA", "in_frame", 4),
        ("p.A3_S5dup", "in_frame", 3),
        ("p.N47delinsSSTT", "in_frame", 47),
        ("p.K2_M3insQS*", "truncating", 2),
        ("p.C188=", "silent", 188),
        ("p.R10R", "silent", 10),
        ("amplification", "amplification", None),
        ("Deletion", "deletion", None),
        ("fusion", "fusion", None),
        ("truncating", "truncating", None),
    ],
)
def test_alterations_are_read_as_they_are_written(written, kind, residue):
    found = read_alteration(written)
    assert (found.kind, found.residue) == (kind, residue)


@pytest.mark.parametrize("written", ["", "gain", "c.1919A>T", "Y640", "640F", "p.", "exon 21", "p.B10Z", "loss of"])
def test_what_is_no_alteration_is_not_guessed(written):
    found = read_alteration(written)
    assert found is None or found.kind == "silent"


@pytest.mark.parametrize(
    ("alteration", "wanted", "expected"),
    [
        (Alteration("missense", "Y640F", 640), "Y640F;D661Y", True),
        (Alteration("missense", "Y640C", 640), "Y640F;D661Y", False),
        (Alteration("missense", "Y640C", 640), "missense:580-670", True),
        (Alteration("missense", "R382W", 382), "missense:580-670", False),
        (Alteration("missense", "A580T", 580), "missense:580-670", True),
        (Alteration("missense", "A670T", 670), "missense:580-670", True),
        (Alteration("in_frame", "E1del", 1), "missense", False),
        (Alteration("truncating", "truncating"), "deletion;truncating", True),
        (Alteration("in_frame", "in_frame"), "in_frame:1-5", False),
        (Alteration("silent", "Y640=", 640), "missense;in_frame;truncating", False),
    ],
)
def test_a_row_of_the_table_names_alterations_kinds_and_residues(alteration, wanted, expected):
    assert meets(alteration, wanted) == expected


def table(*rows):
    return pd.DataFrame(rows, columns=GIVEN)


def test_lesions_that_drive_stat3_are_found_and_others_are_not():
    given = table(
        ("s1", "STAT3", "p.Y640F"),
        ("s1", "STAT3", "p.Y640F"),
        ("s1", "KRAS", "p.G12D"),
        ("s1", "JAK1", "p.S703I"),
        ("s2", "STAT3", "p.K642E"),
        ("s2", "STAT3", "p.R382W"),
        ("s2", "SOCS3", "deletion"),
        ("s2", "SOCS3", "amplification"),
        ("s3", "PTPRD", "p.R100*"),
        ("elsewhere", "STAT3", "p.Y640F"),
    )
    found = find_lesions(given, KNOWN, {"s1", "s2", "s3"})
    assert list(found.columns) == LESION_COLUMNS
    assert found[["sample", "gene", "alteration", "certainty"]].to_numpy().tolist() == [
        ["s1", "STAT3", "p.Y640F", "known"],
        ["s1", "JAK1", "p.S703I", "possible"],
        ["s2", "SOCS3", "deletion", "possible"],
        ["s2", "STAT3", "p.K642E", "possible"],
        ["s3", "PTPRD", "p.R100*", "known"],
    ]
    assert found["source"].str.len().gt(0).all()


def test_no_table_gives_no_lesions():
    assert read_lesions(None, "", ()).empty and read_lesions([], "", ()).empty
    assert find_lesions(table(), KNOWN, {"s1"}).empty
    assert genetic_answer(None) == []


ON_THERE, OFF_THERE = {"tumour": "ON", "microenvironment": "OFF"}, {"tumour": "OFF", "microenvironment": "ON"}


@pytest.mark.parametrize(
    ("states", "drivers", "answer"),
    [
        (ON_THERE, "pairs", "genetic: STAT3 Y640F; genetic_possible: JAK1 S703I; paracrine: IL6 (myeloid -> tumour)"),
        (ON_THERE, "none", "genetic: STAT3 Y640F; genetic_possible: JAK1 S703I"),
        (ON_THERE, None, "genetic: STAT3 Y640F; genetic_possible: JAK1 S703I; not_assessed"),
        # A lesion of the tumour does not drive the microenvironment, nor what is not on.
        (OFF_THERE, "none", "none_found"),
        ({"tumour": "UNKNOWN", "microenvironment": "UNKNOWN"}, "none", ""),
        ({"tumour": "UNKNOWN", "microenvironment": "UNKNOWN", "bulk": "OFF"}, None, "not_assessed"),
        (
            {"tumour": "UNKNOWN", "microenvironment": "UNKNOWN", "bulk": "ON"},
            None,
            "genetic: STAT3 Y640F; genetic_possible: JAK1 S703I; not_assessed",
        ),
    ],
)
def test_the_answer_to_who_drives_it(states, drivers, answer):
    lesions = find_lesions(table(("s", "JAK1", "p.S703I"), ("s", "STAT3", "p.Y640F")), KNOWN, {"s"})
    pairs = pd.DataFrame(
        [("paracrine", "IL6", "myeloid", "tumour", None)],
        columns=["kind", "ligand", "sender", "receiver", "without_ambient"],
    )
    given = {"pairs": pairs, "none": pairs.iloc[:0], None: None}[drivers]
    assert summarise(given, states, lesions) == answer


def test_the_bundled_table_is_whole():
    assert list(KNOWN.columns) == ["gene", "alteration", "certainty", "effect", "source", "note"]
    assert set(KNOWN["certainty"]) == set(CERTAINTIES)
    assert not KNOWN.duplicated(["gene", "certainty"]).any()
    genes = set(read_text_table(ROOT / "resources/genes/genes.tsv")["symbol"])
    assert set(KNOWN["gene"]) <= genes
    for row in KNOWN.itertuples():
        assert row.effect and re.fullmatch(r"((PMID:\d+|PMC\d+|doi:10\.\S+|UniProt:\w+)(;|$))+", row.source), row
        for part in row.alteration.split(";"):
            kind, _, span = part.partition(":")
            assert kind in KINDS or read_alteration(part).kind == "missense", part
            assert not span or re.fullmatch(r"\d+-\d+", span)


def config(folder, name="lesions.tsv"):
    return {"data_dir": str(folder), "profiles": {"lesions": name}}


def check(tmp_path, text):
    (tmp_path / "lesions.tsv").write_text(text, encoding="utf-8")
    return lesion_problems(config(tmp_path), set(KNOWN["gene"]), {"A", "B"})


def test_a_right_table_has_no_problems(tmp_path):
    head = "Centre\tsample\tgene\talteration\n"
    text = head + "x\tA\tSTAT3\tp.Y640F\nx\tA\tTTN\t\nx\tC\tSTAT3\twhat is this\nx\tB\tKRAS\tc.35G>A\n"
    assert check(tmp_path, text) == []
    # A cohort without a lesion, such as a single sample scored against a frozen reference, is no mistake.
    assert check(tmp_path, "sample\tgene\talteration\nA10\tSTAT3\tp.Y640F\n") == []
    assert lesion_problems(config(tmp_path, None), set(), {"A"}) == []
    assert lesion_problems(config(tmp_path, "absent.tsv"), set(), {"A"}) == []  # check_files says so


@pytest.mark.parametrize(
    ("text", "where", "value", "mend"),
    [
        ("sample\tgene\nA\tSTAT3\n", "row 1", "the columns sample, gene", "HGVSp_Short"),
        ("Tumor_Sample_Barcode\tgene\talteration\nA\tSTAT3\tp.Y640F\n", "row 1", "Tumor_Sample_Barcode", "rename"),
        ("sample,gene,alteration\nA,STAT3,p.Y640F\n", "row 1", "separated by commas", "tab-separated"),
        (
            "sample\tgene\talteration\nA-01\tSTAT3\tp.Y640F\n",
            "column 'sample'",
            "'A-01'",
            "'A', if that is what 'A-01'",
        ),
        ("sample\tgene\talteration\nb\tSTAT3\tp.Y640F\n", "column 'sample'", "'b'", "'B', if that is what 'b'"),
        ("sample\tgene\talteration\nA\t\tp.Y640F\n", "row 2, column 'gene'", "an empty cell", "fill it in"),
        ("sample\tgene\talteration\nA\tKRAS\tx\nA\tJAK2\tgain\n", "row 3, column 'alteration'", "'gain'", "ways"),
        ("", "", "an empty file", "how it was written"),
    ],
)
def test_a_wrong_table_is_told_where_and_how_to_mend_it(tmp_path, text, where, value, mend):
    found = [problem for problem in check(tmp_path, text) if problem.where == where]
    assert found and value in found[0].value and mend in found[0].mend
    assert found[0].file == "lesions.tsv"


def test_many_problems_do_not_flood_the_list(tmp_path):
    text = "sample\tgene\talteration\n" + "A\tJAK2\tgain\n" * 40
    found = check(tmp_path, text)
    assert len(found) == 6 and "35 more" in found[-1].value
