"""The bundled gene table: its shape, and the genes the workflow lives on."""

from pathlib import Path

import pandas as pd
import pytest

from stat3act.expression.genes import GeneLanguage
from stat3act.tables import read_text_table, sha256_of_file

PATH = Path(__file__).parents[2] / "resources" / "genes" / "genes.tsv"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return read_text_table(PATH)


def test_the_table_is_compact_text_with_unique_symbols(table):
    assert PATH.stat().st_size < 4_000_000
    assert list(table) == ["symbol", "entrez", "ensembl", "aliases", "chromosome", "start", "end"]
    assert table["symbol"].is_unique
    assert table["symbol"].is_monotonic_increasing
    assert table["entrez"].is_unique
    assert len(table) > 35_000


def test_a_gene_has_a_whole_position_or_none(table):
    known = table["chromosome"] != ""
    assert ((table["start"] != "") == known).all()
    assert ((table["end"] != "") == known).all()
    assert table.loc[known, "chromosome"].str.fullmatch(r"chr(\d{1,2}|X|Y)").all()
    length = table.loc[known, "end"].astype(int) - table.loc[known, "start"].astype(int)
    # The longest human genes are a little over 2 Mb (PTPRD, DMD); more would be two places taken for one.
    assert length.between(0, 2_500_000).all()
    assert known.sum() > 25_000


def test_no_alias_is_a_current_symbol(table):
    aliases = {name for names in table["aliases"] for name in names.split(";")}
    assert not aliases & set(table["symbol"])


@pytest.fixture(scope="module")
def language(table) -> GeneLanguage:
    return GeneLanguage(table)


@pytest.mark.parametrize(
    ("identifier", "symbol"),
    [
        ("STAT3", "STAT3"),
        ("ENSG00000168610", "STAT3"),
        ("ENSG00000184557.5", "SOCS3"),
        ("SOCS3|9021", "SOCS3"),
        ("MARCH1", "MARCHF1"),
        ("WDR5B", "WDR5B"),
        ("IL8", "CXCL8"),
        ("?|8225", "GTPBP6"),
        ("MT-ND1", "MT-ND1"),
        ("ND1", "MT-ND1"),
        ("COX1", "MT-CO1"),
        ("MT-COX2", "MT-CO2"),
        ("MT-CYTB", "MT-CYB"),
        ("ENSG00000198888", "MT-ND1"),
    ],
)
def test_known_names(language, identifier, symbol):
    assert language.candidates(identifier) == (symbol,)


def test_mitochondrial_genes_carry_the_prefix_quality_control_looks_for(table):
    assert table["symbol"].str.startswith("MT-").sum() == 37


def test_the_readme_names_the_table_as_it_is(table):
    text = (PATH.parents[1] / "README.md").read_text(encoding="utf-8")
    assert sha256_of_file(PATH) in text
    assert f"{len(table):,}" in text
    assert f"{(table['chromosome'] != '').sum():,}" in text
