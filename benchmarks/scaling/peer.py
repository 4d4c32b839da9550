"""The usual way, in a process of its own: ``python -m scaling.peer <how> <file> <network> <result>``.

Single cells: scanpy's normalisation, `decoupler.mt.ulm` and `decoupler.pp.pseudobulk`, on a file read whole (`memory`)
or kept on disk (`backed`, which scanpy's normalisation refuses: the counts are scored as they are). Bulk: `ulm` or
`mlm` on a matrix in memory. Modules are imported before the clock starts.
"""

import json
import sys
import time
from pathlib import Path

import anndata as ad
import decoupler as dc
import pandas as pd
import scanpy as sc

from single_cell.fresh import peak_memory

# decoupler makes as many cells dense at a time; its default, 250,000, would need 56 GB for 28,000 genes.
AT_ONCE = 5000


def cells_in_memory(file: Path, net: pd.DataFrame) -> None:
    """Score and sum cells read whole, the counts kept as a layer for the sums."""
    cells = ad.read_h5ad(file)
    cells.layers["counts"] = cells.X.copy()
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    dc.mt.ulm(cells, net, bsize=AT_ONCE)
    dc.pp.pseudobulk(cells, sample_col="sample", groups_col="CellType", layer="counts", mode="sum")


def cells_on_disk(file: Path, net: pd.DataFrame) -> None:
    """Score and sum cells of a file that stays on disk."""
    cells = ad.read_h5ad(file, backed="r")
    dc.mt.ulm(cells, net, bsize=AT_ONCE)
    dc.pp.pseudobulk(cells, sample_col="sample", groups_col="CellType", mode="sum", bsize=AT_ONCE)


def bulk(method: str):
    """Return what scores a Parquet matrix of samples x genes with one method."""

    def run(file: Path, net: pd.DataFrame) -> None:
        getattr(dc.mt, method)(pd.read_parquet(file), net)

    return run


HOW = {"memory": cells_in_memory, "backed": cells_on_disk, "ulm": bulk("ulm"), "mlm": bulk("mlm")}


if __name__ == "__main__":
    how, given, network, result = sys.argv[1:]
    net = pd.read_csv(network, sep="\t")
    begun = time.perf_counter()
    HOW[how](Path(given), net)
    found = {"seconds": time.perf_counter() - begun, "peak": peak_memory() * 1000}
    Path(result).write_text(json.dumps(found))
