"""Phospho matching and baselines on TCGA adrenocortical carcinoma (RNA-seq and RPPA of the same tumours)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stat3act.problems import InputProblems
from stat3act.validation.phospho import compare_with_phospho, match_samples, phospho_values, unsigned_score

pytestmark = pytest.mark.real

CORE = [
    "SOCS3",
    "BCL3",
    "JUNB",
    "CEBPD",
    "CEBPB",
    "BCL6",
    "PIM1",
    "MCL1",
    "ZFP36",
    "SBNO2",
    "IL6ST",
    "HEG1",
    "LRG1",
    "TRIB1",
    "TNFRSF1A",
    "OSMR",
    "IL6R",
]
AXES = pd.DataFrame({"axis": "stat3_core", "gene": CORE})
LIGANDS = pd.DataFrame({"ligand": ["IL6", "LIF", "OSM"], "receptor": ["IL6R;IL6ST", "LIFR;IL6ST", "OSMR;IL6ST"]})
SETTINGS = {
    "phospho_column": "STAT3_pY705",
    "phospho_sample_characters": 15,
    "purity": "purity",
    "bootstraps": 300,
    "confidence_level": 0.95,
}


@pytest.fixture(scope="module")
def acc(data_dir):
    folder = data_dir / "bulk_pstat3"
    values = pd.read_parquet(folder / "tcga_ACC_rnaseqv2_rsem_norm.parquet")
    values.index = values.index.str.split("|").str[0]
    levels = np.log2(values[~values.index.duplicated()].T + 1)
    phospho = pd.read_csv(folder / "tcga_ACC_rppa.tsv.gz", sep="\t")
    purity = pd.read_csv(folder / "tcga_purity_aran2015.tsv.gz", sep="\t").set_index("Sample.ID")["CPE"]
    samples = [
        {"sample": name, "patient": name[:12], "purity": str(purity.get(name[:16], np.nan))} for name in levels.index
    ]
    scores = pd.DataFrame({"sample": levels.index, "compartment": "bulk", "axis": "stat3_core"})
    scores["activity"] = scores["score"] = unsigned_score(levels, CORE).to_numpy()
    return levels, phospho, samples, scores


def test_barcodes_match_on_their_first_15_characters(acc):
    levels, phospho, samples, _ = acc
    values = phospho_values(phospho, "STAT3_pY705", "rppa")
    found = match_samples(pd.DataFrame(samples), values.index, 15)
    used = found[found["note"] == ""]
    both = {name[:15] for name in levels.index} & {name[:15] for name in values.index}
    assert len(used) == len(both) == 46
    assert (used["sample"].str[:15] == used["phospho_sample"].str[:15]).all()
    assert used["patient"].is_unique


def test_baselines_are_scipys_on_the_matched_tumours(acc):
    levels, phospho, samples, scores = acc
    found, matched = compare_with_phospho(phospho, "rppa", scores, levels, AXES, LIGANDS, samples, 1, SETTINGS)
    table = found.set_index(["group", "method"])
    # An independent join: by the start of the barcode, in pandas.
    truth = phospho.set_index(phospho.iloc[:, 0].str[:15])["STAT3_pY705"]
    for method, gene in (("stat3_mrna", "STAT3"), ("socs3_mrna", "SOCS3")):
        mrna = levels[gene].groupby(levels.index.str[:15]).first()
        joined = pd.concat([mrna, truth], axis=1, join="inner").to_numpy()
        row = table.loc[("bulk", method)]
        assert row["spearman"] == pytest.approx(stats.spearmanr(joined).statistic, abs=1e-9)
        assert row["n"] == len(joined)
        assert row["low"] <= row["spearman"] <= row["high"]
    assert {"stat3_core_activity", "unsigned_pathway", "purity"} <= set(table.loc["bulk"].index)
    assert table["spearman"].between(-1, 1).all()
    assert table.loc[("bulk", "purity"), "n"] <= 46
    assert matched["phospho"].notna().sum() == 46


def test_whole_barcodes_do_not_match_and_the_message_says_what_to_set(acc):
    levels, phospho, samples, scores = acc
    whole = {**SETTINGS, "phospho_sample_characters": None}
    with pytest.raises(InputProblems, match=r"0 of 79 samples match (?s:.*)phospho_sample_characters"):
        compare_with_phospho(phospho, "rppa", scores, levels, AXES, LIGANDS, samples, 1, whole)


def test_a_misspelt_antibody_is_answered_with_the_right_one(acc):
    _, phospho, _, _ = acc
    with pytest.raises(InputProblems, match="STAT3_pY705"):
        phospho_values(phospho, "STAT3_Y705", "rppa")
