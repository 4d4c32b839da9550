"""One gene language: what each kind of id means, and what becomes of rows that mean the same or nothing."""

import numpy as np
import pytest
from scipy import sparse

from expression_example import GENES
from stat3act.expression.genes import GeneLanguage, keep_best, map_genes, sum_rows
from stat3act.problems import InputProblems

LANGUAGE = GeneLanguage(GENES)


@pytest.mark.parametrize(
    ("identifier", "symbol"),
    [
        ("STAT3", "STAT3"),
        (" STAT3 ", "STAT3"),
        ("APRF", "STAT3"),
        ("MLL2", "KMT2D"),
        ("ENSG00000168610", "STAT3"),
        ("ENSG00000168610.16", "STAT3"),
        ("ENSG00000185960.14_PAR_Y", "SHOX"),
        ("6774", "STAT3"),
        ("STAT3|6774", "STAT3"),
        ("?|9021", "SOCS3"),
        ("MLL2|8085", "KMT2D"),
        # The Entrez id is the stable part; a withdrawn one leaves the symbol.
        ("SOCS3|6774", "STAT3"),
        ("SOCS3|123456789", "SOCS3"),
        ("STAT3_ENSG00000168610", "STAT3"),
        ("ENSG00000168610.2|STAT3", "STAT3"),
        ("C1ORF112", "C1orf112"),
        ("MT-COX1", "MT-CO1"),
        # A current symbol means itself, also where another gene has it as an alias.
        ("IRF1", "IRF1"),
    ],
)
def test_an_id_of_any_kind_means_one_symbol(identifier, symbol):
    assert LANGUAGE.candidates(identifier) == (symbol,)


@pytest.mark.parametrize("identifier", ["Stat3", "1-Mar", "?|123456789", "ENSG00000999999", "", "RP11-34P13.7", "0"])
def test_unknown_ids_mean_nothing(identifier):
    assert LANGUAGE.candidates(identifier) == ()


def test_an_alias_of_two_genes_is_unmapped_and_counted():
    found = map_genes(["STAT3", "SOCS3", "MLL4", "1-Mar"], LANGUAGE, np.array([1, 1, 5, 9]), "m.tsv")
    assert list(found.target) == [1, 0, -1, -1]
    assert found.report == {
        "genes_in": 4,
        "genes_kept": 2,
        "genes_unmapped": 2,
        "genes_ambiguous": 1,
        "genes_merged": 0,
        "example_unmapped": "1-Mar;MLL4",
    }


def test_duplicates_are_summed_on_linear_scales_dense_and_sparse():
    ids = ["STAT3", "ENSG00000168610.3", "nothing", "SOCS3", "6774"]
    values = np.array([[1.0, 2], [10, 20], [5, 5], [7, 0], [100, 200]])
    found = map_genes(ids, LANGUAGE, values.sum(axis=1), "m.tsv")
    assert list(found.symbols) == ["SOCS3", "STAT3"]
    assert sum_rows(values, found).tolist() == [[7, 0], [111, 222]]
    assert sum_rows(sparse.csr_matrix(values), found).toarray().tolist() == [[7, 0], [111, 222]]
    assert found.report["genes_merged"] == 2
    assert found.report["genes_in"] == found.report["genes_kept"] + found.report["genes_merged"] + 1


def test_on_log_scales_the_best_expressed_row_is_kept_whole():
    ids = ["STAT3", "APRF", "SOCS3", "HIES"]
    values = np.array([[1.0, 9], [4, 7], [0, 0], [5, 5]])
    found = map_genes(ids, LANGUAGE, values.mean(axis=1) + 1, "m.tsv")
    assert keep_best(values, found).tolist() == [[0, 0], [4, 7]]


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(3)
    ids = np.array(["STAT3", "APRF", "SOCS3", "CIS3", "GAPDH", "nothing", "MLL4", "?|3659"], dtype=object)
    values = rng.integers(0, 9, size=(len(ids), 3)).astype(float)
    order = rng.permutation(len(ids))
    one = map_genes(ids, LANGUAGE, values.sum(axis=1), "m.tsv")
    two = map_genes(ids[order], LANGUAGE, values[order].sum(axis=1), "m.tsv")
    assert one.report == two.report
    assert (sum_rows(values, one) == sum_rows(values[order], two)).all()
    assert (keep_best(values, one) == keep_best(values[order], two)).all()


def test_second_ids_speak_where_the_first_are_unknown_or_ambiguous():
    found = map_genes(
        ["ENSG00000168610", "ENSG00000999999", "MLL4", "ENSG00000888888"],
        LANGUAGE,
        np.ones(4),
        "m.h5",
        ["SOCS3", "GAPDH", "KMT2B", "nothing"],
    )
    assert [found.symbols[at] if at >= 0 else "" for at in found.target] == ["STAT3", "GAPDH", "KMT2B", ""]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["Stat3", "Socs3", "Gapdh", "Kmt2d"], ["mouse or rat", "Gapdh is GAPDH in human", "orthologues"]),
        (["stat3", "socs3", "gapdh", "kmt2d"], ["zebrafish", "orthologues"]),
        (["ENSMUSG00000004040", "ENSMUSG00000053113.4"], ["Ensembl ids of mouse", "orthologues"]),
        (["ENST00000264657.10", "ENST00000330871"], ["transcript", "tximport"]),
        (["208991_at", "225289_at", "243213_at"], ["probe ids", "GPL"]),
        (["YAL001C", "YAL002W"], ["another species or platform", "expression.gene_column"]),
    ],
)
def test_ids_of_another_species_or_platform_are_refused_and_named(ids, words):
    with pytest.raises(InputProblems) as error:
        map_genes(ids, LANGUAGE, np.ones(len(ids)), "mouse.tsv")
    (problem,) = error.value.problems
    assert (problem.file, problem.where) == ("mouse.tsv", "gene ids")
    assert f"0 of {len(ids)}" in problem.value
    assert ids[0] in problem.value or ids[1] in problem.value
    assert all(word in str(problem) for word in words)


def test_row_numbers_are_not_taken_for_entrez_ids():
    with pytest.raises(InputProblems, match="row numbers, from 0 to 19999"):
        map_genes([str(number) for number in range(20000)], LANGUAGE, np.ones(20000), "m.parquet")


def test_only_expressed_genes_decide_whether_the_ids_are_human():
    ids = ["STAT3", "SOCS3", *(f"CLONE-{number}.1" for number in range(10))]
    silent = np.array([5.0, 5] + [0.0] * 10)
    assert map_genes(ids, LANGUAGE, silent, "m.tsv").report["genes_kept"] == 2
    with pytest.raises(InputProblems, match="2 of 12 expressed"):
        map_genes(ids, LANGUAGE, silent + 1, "m.tsv")


def test_rows_that_are_no_genes_do_not_count_as_foreign():
    ids = ["STAT3", "__no_feature", "N_unmapped", "ERCC-00002", ""]
    report = map_genes(ids, LANGUAGE, np.full(5, 9.0), "m.tsv").report
    assert report["genes_unmapped"] == 4


def test_positions_are_empty_where_unknown():
    table = LANGUAGE.positions(["STAT3", "MT-CO1"])
    assert table.loc["STAT3"].tolist() == ["chr17", 42313323.0, 42388442.0, "17q"]
    assert table.loc["MT-CO1", ["chromosome", "arm"]].tolist() == ["", ""]
    assert np.isnan(table.loc["MT-CO1", "start"])
