import gzip
from pathlib import Path

import pandas as pd
import pytest

from stat3act import networks

pytestmark = pytest.mark.real
RESOURCES = Path(__file__).parents[2] / "resources"
AXES_FILES = ("stat3.tsv", "rivals.tsv", "shared.tsv", "programmes.tsv")


@pytest.fixture(scope="module")
def collectri(data_dir):
    return data_dir / "networks" / "collectri_human.tsv.gz"


def read_text(path):
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def test_collectri_has_437_stat3_edges(collectri):
    axis, origin = networks.read_regulon(collectri, "collectri_human.tsv.gz", 0)
    assert origin["edges"] == 437
    assert origin["few_references"] == 0
    assert len(axis) == 436, "STAT3 itself is left out"
    assert (axis["weight"] < 0).sum() == 45


def test_136_edges_have_two_references(collectri):
    axis, origin = networks.read_regulon(collectri, "collectri_human.tsv.gz", 2)
    assert origin["edges"] - origin["few_references"] == 136
    assert len(axis) == 135
    with gzip.open(collectri, "rt") as handle:  # counted by hand, without pandas
        edges = [line.rstrip("\n").split("\t") for line in handle if line.startswith("STAT3\t")]
    expected = {target for _, target, _, cited in edges if len(cited.split(";")) >= 2} - {"STAT3"}
    assert set(axis["gene"]) == expected


def test_regulon_joins_the_bundled_axes(collectri):
    ligands, markers = read_text(RESOURCES / "networks/ligands.tsv"), read_text(RESOURCES / "markers/lineages.tsv")
    symbols = networks.read_symbols(RESOURCES / "genes/genes.tsv")
    bundled = [networks.read_axes(RESOURCES / "networks" / name) for name in AXES_FILES]
    regulon = networks.read_regulon(collectri, "collectri", 2)
    axes, _, summary = networks.build_network(bundled, ligands, markers, symbols, regulon)
    genes = set(axes.loc[axes["axis"] == "stat3_regulon", "gene"])
    dropped = summary["regulon"]["dropped"]
    assert {"IL6", "IL10", "OSM", "LEP", "FGF2", "HGF"} <= set(dropped["stat3_or_ligand"])
    assert set(dropped["no_known_gene"]) == {"hsa-miR-155", "hsa-miR-21-5p"}
    assert not genes & {"STAT3", *networks.genes_in(ligands, ["ligand"]), *markers["gene"]}
    assert len(genes) == 135 - sum(len(names) for names in dropped.values())
    assert "SOCS3" in summary["shared_genes"]["stat3_regulon"]["stat3_core"]
    assert "FOS" in summary["shared_genes"]["stat3_regulon"]["dissociation_stress"]
    # The regulon is added, nothing else moves.
    without, _, other = networks.build_network(bundled, ligands, markers, symbols)
    pd.testing.assert_frame_equal(
        axes[axes["axis"] != "stat3_regulon"].reset_index(drop=True), without, check_dtype=False
    )
    assert summary["sha256"] != other["sha256"]


@pytest.mark.parametrize("file", [*AXES_FILES, "ligands.tsv"])
def test_every_bundled_gene_is_a_symbol_of_ncbi(data_dir, file):
    ncbi = set(read_text(data_dir / "annotation" / "org.Hs.eg_gene_annotation_hg38.tsv.gz")["symbol"])
    table = read_text(RESOURCES / "networks" / file)
    columns = networks.LIGAND_GENE_COLUMNS if file == "ligands.tsv" else ("gene",)
    assert networks.genes_in(table, columns) - ncbi == set()


def test_no_bundled_axis_is_a_copy_of_a_public_set(data_dir):
    """Our panels are chosen gene by gene; none holds most of a Hallmark set or most of another public set."""
    table = pd.concat([networks.read_axes(RESOURCES / "networks" / name) for name in AXES_FILES])
    lines = [
        line.split("\t")
        for name in ("hallmark_v7.1.symbols.gmt", "msigdb71_stat3_related.gmt")
        for line in (data_dir / "networks" / name).read_text().splitlines()
    ]
    for axis, genes in table.groupby("axis")["gene"]:
        for name, _, *members in lines:
            if len(members) >= 30:
                assert len(set(members) & set(genes)) <= 0.65 * len(members), (axis, name)


# Citations that are no CollecTRI edge: Hallmark collection, U-STAT3, CD44+CD24- cells, NDUFA4L2.
OTHER_PMIDS = {"26771021", "17510282", "21633165", "22100406"}


@pytest.mark.parametrize("file", AXES_FILES)
def test_every_pmid_is_a_reference_of_that_gene_in_collectri(collectri, file):
    with gzip.open(collectri, "rt") as handle:
        known = {}
        for line in handle:
            _, target, _, cited = line.rstrip("\n").split("\t")
            known.setdefault(target, set()).update(cited.split(";"))
    table = read_text(RESOURCES / "networks" / file)
    assert table["source"].str.contains("PMID").sum() > 10 or file == "shared.tsv"
    for entry in table.itertuples():
        numbers = {part[5:] for part in entry.source.split(";") if part.startswith("PMID:")}
        assert numbers - OTHER_PMIDS <= known.get(entry.gene, set()), entry.gene


def test_every_named_msigdb_set_holds_its_gene(data_dir):
    sets = {}
    for name in ("hallmark_v7.1.symbols.gmt", "msigdb71_stat3_related.gmt"):
        for line in (data_dir / "networks" / name).read_text().splitlines():
            title, _, *members = line.split("\t")
            sets[title] = set(members)
    symbols = networks.read_symbols(RESOURCES / "genes/genes.tsv")
    for file in AXES_FILES:
        for entry in read_text(RESOURCES / "networks" / file).itertuples():
            for title in (part[7:] for part in entry.source.split(";") if part.startswith("MSigDB:")):
                assert entry.gene in {symbols.get(name, name) for name in sets[title]}, (entry.gene, title)
