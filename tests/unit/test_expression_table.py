"""The bundled gene table: its shape, and the genes the workflow lives on."""

import random
import runpy
from pathlib import Path

import pandas as pd
import pytest

from stat3act.expression.genes import GeneLanguage
from stat3act.tables import read_text_table, sha256_of_file

ROOT = Path(__file__).parents[2]
PATH = ROOT / "resources" / "genes" / "genes.tsv"
MAKE = runpy.run_path(str(ROOT / "docs" / "make_gene_table.py"))
# Middle of the centromere in Mb, UCSC hg38, table "centromeres": not where the gene table has its arms from.
CENTROMERES = {
    **{"1": 123.5, "2": 93.1, "3": 92.2, "4": 50.7, "5": 48.3, "6": 59.2, "7": 59.8, "8": 45.0, "9": 44.5, "10": 40.6},
    **{"11": 52.8, "12": 36.0, "13": 17.0, "14": 17.1, "15": 18.4, "16": 37.3, "17": 24.7, "18": 18.2, "19": 25.8},
    **{"20": 28.2, "21": 11.9, "22": 14.0, "X": 60.5, "Y": 10.4},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return read_text_table(PATH)


def test_the_table_is_compact_text_with_unique_symbols(table):
    assert PATH.stat().st_size < 4_000_000
    assert list(table) == ["symbol", "entrez", "ensembl", "aliases", "chromosome", "start", "end", "arm"]
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


def test_the_centromere_parts_the_arms(table):
    placed = table[table["chromosome"] != ""]
    chromosome, arm = placed["chromosome"].str.removeprefix("chr"), placed["arm"]
    assert set(chromosome) == set(CENTROMERES)
    assert (table.loc[table["chromosome"] == "", "arm"] == "").all()
    middle = chromosome.map(CENTROMERES) * 1e6
    short, long = placed["end"].astype(int) < middle, placed["start"].astype(int) > middle
    assert (short | long).all()
    assert (arm == chromosome + short.map({True: "p", False: "q"})).all()


@pytest.mark.parametrize(
    ("symbol", "arm"),
    [
        # Genes whose arm everybody knows from deletions and gains in tumours, and neighbours of centromeres.
        *[("FUBP1", "1p"), ("CIC", "19q"), ("EGFR", "7p"), ("PTEN", "10q"), ("CDKN2A", "9p"), ("TP53", "17p")],
        *[("VHL", "3p"), ("STAT3", "17q"), ("RB1", "13q"), ("NF2", "22q"), ("SHOX", "Xp"), ("XIST", "Xq")],
        *[("SRY", "Yp"), ("DDX3Y", "Yq"), ("TPTE", "21p"), ("EPHA3", "3p"), ("PROS1", "3q"), ("MT-CO1", "")],
        # NCBI's bands of these two, 1q21.1 and 9q11, contradict their positions.
        *[("RNVU1-18", "1p"), ("LOC102724904", "9p")],
    ],
)
def test_known_arms(table, symbol, arm):
    assert table.set_index("symbol").loc[symbol, "arm"] == arm


def chromosome_of(short: int, long: int) -> list[tuple[int, int, str]]:
    """Return genes 10 bases long, 100 apart, with a gap of 1,000 before the first gene of the long arm."""
    starts = [100 + 100 * number + 1000 * (number >= short) for number in range(short + long)]
    return [(start, start + 10, "p" if number < short else "q") for number, start in enumerate(starts)]


@pytest.mark.parametrize("short", [0, 1, 2, 5, 30])
@pytest.mark.parametrize("gene", [*range(-3, 3), None])
def test_one_wrong_band_moves_no_border(short, gene):
    genes = chromosome_of(short, 30)
    border = genes[short][0]
    if gene is not None and short + gene >= 0:
        start, end, arm = genes[short + gene]
        genes[short + gene] = (start, end, "q" if arm == "p" else "p")
    random.Random(short).shuffle(genes)
    assert MAKE["long_arm"](genes) == border


def test_two_genes_make_a_short_arm_however_far_from_the_end_they_lie():
    genes = [(start + 10_000, end + 10_000, arm) for start, end, arm in chromosome_of(2, 30)]
    assert MAKE["long_arm"](genes) == genes[2][0]


def test_genes_without_a_band_join_the_arm_they_lie_on():
    genes = [(start, end, "" if number % 3 else arm) for number, (start, end, arm) in enumerate(chromosome_of(9, 9))]
    assert MAKE["long_arm"](genes) == chromosome_of(9, 9)[9][0]


@pytest.mark.parametrize(
    ("bands", "arm"),
    [
        *[(["1p36.33"], "p"), (["1q21"], "q"), (["1q"], ""), ([], ""), (["2p11.2"], ""), (["11p15"], "")],
        *[(["1p13-q21"], ""), (["1p13", "1p13.1"], ""), (["1p36.1 alternate reference locus"], ""), (["1cen"], "")],
    ],
)
def test_only_a_single_band_of_the_own_chromosome_speaks(bands, arm):
    assert MAKE["band_arm"](bands, "chr1") == arm


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
