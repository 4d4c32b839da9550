"""Which cells are good enough, and which are two cells in one?

Thresholds follow Heumos et al. 2023 (doi 10.1038/s41576-023-00586-w): fixed lower limits, and limits of so many median
absolute deviations (MAD, unscaled) around the sample's own median. Doublets: scrublet (Wolock, Lopez, Klein 2019, doi
10.1016/j.cels.2018.11.005) as scanpy implements it.
"""

from collections.abc import Mapping

import anndata as ad
import numpy as np
import scanpy as sc
from scipy import sparse
from threadpoolctl import threadpool_limits

from stat3act.logs import log

MITOCHONDRIAL_PREFIX = "MT-"
# A sample whose cells are all alike would lose every cell that differs at all. With these floors, 5 MADs are a factor
# of e in counts, or 5 percentage points.
LEAST_LOG_MAD = 0.2
LEAST_MITOCHONDRIAL_MAD = 1.0
REASONS = ("cells_low_counts", "cells_low_genes", "cells_high_counts", "cells_high_mitochondrial", "cells_doublet")


def filter_cells(
    cells: ad.AnnData, qc: Mapping, doublets: Mapping, scale: str, seed: int
) -> tuple[ad.AnnData, ad.AnnData, dict[str, object]]:
    """Remove bad cells and doublets from one sample.

    Parameters
    ----------
    cells
        Cells x symbols, linear values in CSR.
    qc, doublets
        These sections of ``expression`` in the config.
    scale
        ``counts``, or ``tpm``: then limits on counts and doublet detection, which both need counts, do not apply.
    seed
        Seed of scrublet.

    Returns
    -------
    kept
        The cells that pass, with ``obs`` ``n_counts n_genes mitochondrial_percent doublet_score`` (NaN where there is
        none). Percentages are missing in data without mitochondrial genes.
    doublets
        The doublets, which are good cells otherwise: later stages report what they would have changed.
    row
        Numbers before and after. Each removed cell is counted once, under the first line it fails, so that
        ``cells_in`` less the removed ones is ``cells_kept``.
    """
    cells = measure(cells)
    reasons = _reasons(cells, qc, scale)
    passed = reasons == ""
    kept = cells[passed].copy()
    called, scores, status = find_doublets(kept, doublets, scale, seed)
    kept.obs["doublet_score"] = scores
    reasons[np.flatnonzero(passed)[called]] = "cells_doublet"
    kept, set_aside = kept[~called].copy(), kept[called].copy()
    row: dict[str, object] = {"cells_in": cells.n_obs}
    row |= {reason: int((reasons == reason).sum()) for reason in REASONS}
    row["cells_kept"] = kept.n_obs
    columns = {"counts": "n_counts", "genes": "n_genes", "mitochondrial": "mitochondrial_percent"}
    for name, column in columns.items():
        for when, table in (("before", cells.obs), ("after", kept.obs)):
            known = table[column].dropna()
            row[f"median_{name}_{when}"] = float(known.median()) if len(known) else np.nan
    row["doublet_status"] = status
    log.info("%d of %d cells kept; doublets: %s", kept.n_obs, cells.n_obs, status)
    return kept, set_aside, row


def measure(cells: ad.AnnData) -> ad.AnnData:
    """Return a copy of the cells with ``n_counts``, ``n_genes`` and ``mitochondrial_percent`` in ``obs``."""
    cells = cells.copy()
    mitochondrial = np.asarray(cells.var_names.str.startswith(MITOCHONDRIAL_PREFIX))
    annotated = ad.AnnData(cells.X, var={"mitochondrial": mitochondrial})
    found, _ = sc.pp.calculate_qc_metrics(annotated, qc_vars=["mitochondrial"], percent_top=None, log1p=False)
    cells.obs["n_counts"] = found["total_counts"].to_numpy(dtype=np.float64)
    cells.obs["n_genes"] = found["n_genes_by_counts"].to_numpy(dtype=np.int64)
    share = found["pct_counts_mitochondrial"].to_numpy(dtype=np.float64)
    # A cell without any count has no percentage; it fails the other lines.
    cells.obs["mitochondrial_percent"] = np.nan_to_num(share) if mitochondrial.any() else np.nan
    return cells


def bounds(values: np.ndarray, mads: float, least: float) -> tuple[float, float]:
    """Return median minus and plus so many MADs, the MAD being at least ``least``; infinite without values."""
    if not len(values):
        return -np.inf, np.inf
    middle = float(np.median(values))
    reach = mads * max(float(np.median(np.abs(values - middle))), least)
    return middle - reach, middle + reach


def _reasons(cells: ad.AnnData, qc: Mapping, scale: str) -> np.ndarray:
    """Return for each cell the first line of quality control it fails, or an empty string."""
    counts, genes = cells.obs["n_counts"].to_numpy(), cells.obs["n_genes"].to_numpy()
    mitochondrial = cells.obs["mitochondrial_percent"].to_numpy()
    low_counts = counts < qc["min_counts"] if scale == "counts" else np.zeros(cells.n_obs, dtype=bool)
    low_genes = genes < qc["min_genes"]
    high_mitochondrial = mitochondrial > qc["max_mitochondrial_percent"]
    # Medians come from cells within the fixed limits: in an unfiltered matrix most barcodes are empty droplets.
    sound = ~(low_counts | low_genes | high_mitochondrial)
    high = np.zeros(cells.n_obs, dtype=bool)
    lines = [("counts", counts)] if scale == "counts" else []
    for name, values in (*lines, ("genes", genes)):
        logged = np.log1p(values)
        low, top = bounds(logged[sound], qc["mads"], LEAST_LOG_MAD)
        high |= logged > top
        if name == "counts":
            low_counts |= logged < low
        else:
            low_genes |= logged < low
    if not np.isnan(mitochondrial).all():
        _, top = bounds(mitochondrial[sound], qc["mitochondrial_mads"], LEAST_MITOCHONDRIAL_MAD)
        high_mitochondrial |= mitochondrial > top
    failed = [low_counts, low_genes, high, high_mitochondrial]
    return np.select(failed, REASONS[:-1], default="").astype(object)


def find_doublets(cells: ad.AnnData, doublets: Mapping, scale: str, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Call doublets with scrublet.

    Parameters
    ----------
    cells
        Cells of one sample that passed quality control, counts.
    doublets
        ``expression.doublets`` of the config.
    scale, seed
        As in `filter_cells`.

    Returns
    -------
    called
        Which cells are doublets.
    scores
        Doublet score of each cell to four decimals, NaN where not tested.
    status
        What was done, or why not: few cells, no counts, no clear threshold, or a threshold that would call more cells
        than ``max_rate``, which no droplet experiment produces and which means that it cuts through a cell type.
    """
    nobody, unknown = np.zeros(cells.n_obs, dtype=bool), np.full(cells.n_obs, np.nan)
    if doublets["method"] == "none":
        return nobody, unknown, "not tested: expression.doublets.method is none"
    if scale != "counts":
        return nobody, unknown, f"not tested: scrublet needs counts, the scale is {scale}"
    if cells.n_obs < doublets["min_cells"]:
        return nobody, unknown, f"not tested: {cells.n_obs} cells, fewer than {doublets['min_cells']}"
    found = ad.AnnData(sparse.csr_matrix(cells.X, dtype=np.float32))
    # One thread, so that rounding does not depend on the number of cores. Exact neighbours: approximate ones, scanpy's
    # default above 2,730 cells, need a pynndescent below 0.7 and took eight times as long for 10,000 cells.
    with threadpool_limits(limits=1):
        try:
            sc.pp.scrublet(
                found,
                expected_doublet_rate=doublets["expected_rate"],
                use_approx_neighbors=False,
                random_state=seed % 2**32,
                verbose=False,
            )
        except ValueError as error:
            return nobody, unknown, f"not tested: scrublet found too few variable genes ({error})"
    scores = np.round(found.obs["doublet_score"].to_numpy(dtype=np.float64), 4)
    if "threshold" not in found.uns["scrublet"]:
        return nobody, scores, "tested, none called: the scores of simulated doublets have no second mode"
    # Scrublet passes over cells with almost no genes; those are not called.
    called = (found.obs["predicted_doublet"] == True).to_numpy(dtype=bool)  # noqa: E712
    if called.mean() > doublets["max_rate"]:
        text = f"{called.mean():.0%} above the threshold, more than max_rate ({doublets['max_rate']:.0%})"
        return nobody, scores, f"tested, none called: {text}"
    return called, scores, f"tested, {int(called.sum())} called"
