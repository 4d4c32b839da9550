"""What others would use in place of the activity, computed by decoupler itself.

``collectri_ulm``, ``dorothea_ulm``
    `decoupler.mt.ulm` with the STAT3 targets of CollecTRI and of DoRothEA (levels A to D). The univariate model scores
    every source alone, so the other transcription factors of the network would not change the value.
``hallmark_il6_jak_stat3``
    `decoupler.mt.ulm` with the genes of HALLMARK_IL6_JAK_STAT3_SIGNALING, weight 1.
``progeny_jak_stat``
    `decoupler.mt.mlm` with the 500 strongest genes of each of PROGENy's 14 pathways, the JAK-STAT pathway. The
    multivariate model is the kinder one to PROGENy: the other pathways are in it.
``stat3_mrna``, ``socs3_mrna``
    The gene's own value.
"""

from functools import cache
from pathlib import Path

import decoupler as dc
import numpy as np
import pandas as pd

from scoring.cohorts import RESOURCES
from stat3act.networks import read_symbols, rename

HALLMARK_FILE = "networks/hallmark_v7.1.symbols.gmt"
HALLMARK_SET = "HALLMARK_IL6_JAK_STAT3_SIGNALING"
GENES = {"stat3_mrna": "STAT3", "socs3_mrna": "SOCS3"}
NETWORKS = ("collectri_ulm", "dorothea_ulm", "hallmark_il6_jak_stat3", "progeny_jak_stat")
# One-sided 5 % of a standard normal: what a user who takes the t value for a test would go by.
CALLED = 1.645


@cache
def gene_sets(data: Path) -> dict[str, frozenset[str]]:
    """Read the hallmark gene sets in current symbols, by name."""
    symbols = read_symbols(RESOURCES / "genes/genes.tsv")
    lines = [line.split("\t") for line in (data / HALLMARK_FILE).read_text().splitlines()]
    return {name: frozenset(symbols.get(gene, gene) for gene in genes) for name, _, *genes in lines}


@cache
def networks(data: Path) -> dict[str, tuple[str, pd.DataFrame]]:
    """Read the networks: by baseline, the source that is reported and ``source target weight`` in current symbols.

    Parameters
    ----------
    data
        Folder of the public data.
    """
    symbols = read_symbols(RESOURCES / "genes/genes.tsv")

    def table(name: str, columns: dict[str, str]) -> pd.DataFrame:
        found = pd.read_csv(data / f"networks/{name}.tsv.gz", sep="\t").rename(columns=columns)
        found["target"] = rename(found["target"], symbols)
        return found[["source", "target", "weight"]].drop_duplicates(["source", "target"])

    collectri = table("collectri_human", {})
    dorothea = table("dorothea_hs_ABCD", {"tf": "source", "mor": "weight"})
    progeny = table("progeny_human_top500", {"pathway": "source", "gene": "target"})
    hallmark = pd.DataFrame({"source": HALLMARK_SET, "target": sorted(gene_sets(data)[HALLMARK_SET]), "weight": 1.0})
    return {
        "collectri_ulm": ("STAT3", collectri[collectri["source"] == "STAT3"]),
        "dorothea_ulm": ("STAT3", dorothea[dorothea["source"] == "STAT3"]),
        "hallmark_il6_jak_stat3": (HALLMARK_SET, hallmark),
        "progeny_jak_stat": ("JAK-STAT", progeny),
    }


def baseline_values(values: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Score rows by every baseline.

    Parameters
    ----------
    values
        Rows x genes: log2 expression, as users give it to these tools, or standardised profiles.
    data
        Folder of the public data.

    Returns
    -------
    Rows x baselines: t values, and the genes' own values; NaN where a gene is not measured.
    """
    found = {method: values.get(gene, pd.Series(np.nan, index=values.index)) for method, gene in GENES.items()}
    for method, (source, network) in networks(data).items():
        score = dc.mt.mlm if method == "progeny_jak_stat" else dc.mt.ulm
        # Kang's blood cells have few genes: a network is scored with whatever it finds there.
        found[method] = score(values, network, tmin=3)[0][source]
    return pd.DataFrame(found, index=values.index)
