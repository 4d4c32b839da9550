"""Agreement of STAT3 activity with measured phospho-STAT3, beside baselines that ask less of the data.

The phosphoprotein of a bulk tumour is itself a mixture of tumour and microenvironment: it is a truth about the sample,
not about its tumour cells.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.logs import log
from stat3act.problems import Problem, raise_if_any
from stat3act.validation.measurements import MIN_SAMPLES, match_samples, phospho_values, too_few_matches

GROUPS = ("bulk", "tumour", "microenvironment")
PANEL_AXES = ("stat3_core", "stat3_epithelial", "stat3_regulon")
UNSIGNED_AXES = ("stat3_core", "stat3_epithelial")
MRNA = {"stat3_mrna": "STAT3", "socs3_mrna": "SOCS3"}
# The IL-6 family is defined by its shared receptor, gp130.
FAMILY_RECEPTOR = "IL6ST"
PHOSPHO_COLUMNS = ["group", "method", "spearman", "low", "high", "n"]
SAMPLE_COLUMNS = ["sample", "patient", "phospho_sample", "phospho", "note"]


def unsigned_genes(axes: pd.DataFrame, ligands: pd.DataFrame) -> list[str]:
    """List the genes of the unsigned pathway score: STAT3 targets with the IL-6 family's ligands and receptors.

    Parameters
    ----------
    axes
        ``networks/axes.tsv``.
    ligands
        ``networks/ligands.tsv``; rows whose receptor contains IL6ST are the family.
    """
    receptors = ligands["receptor"].fillna("")
    family = ligands[receptors.str.split(";").map(lambda genes: FAMILY_RECEPTOR in genes)]
    joined = [*family["ligand"].dropna(), *family["receptor"].dropna()]
    members = {gene for names in joined for gene in names.split(";") if gene}
    return sorted(members | set(axes.loc[axes["axis"].isin(UNSIGNED_AXES), "gene"]))


def unsigned_score(levels: pd.DataFrame, genes: Iterable[str]) -> pd.Series:
    """Return the unsigned pathway score: the mean z of the genes over the samples, every gene counted as up.

    Our own baseline in the manner of hallmark gene sets, which mix a pathway's members with its targets and know no
    sign and no rival; it is not the MSigDB set, whose terms do not allow shipping it.

    Parameters
    ----------
    levels
        Samples x genes, log scale.
    genes
        Genes of the score; those that are absent or constant are left out.
    """
    block = levels[levels.columns.intersection(pd.Index(list(genes)))]
    spread = block.std(ddof=1)
    block = block.loc[:, spread > 0]
    return ((block - block.mean()) / block.std(ddof=1)).mean(axis=1)


def measures(
    scores: pd.DataFrame, levels: pd.DataFrame, genes: Iterable[str], purity: pd.Series | None
) -> dict[tuple[str, str], pd.Series]:
    """Gather everything that is compared with phospho.

    Parameters
    ----------
    scores
        ``activity/scores.tsv``.
    levels
        Bulk expression, samples x genes, log scale.
    genes
        Genes of the unsigned pathway score.
    purity
        Purity per sample, or None.

    Returns
    -------
    (group, method) -> values indexed by sample.
    """
    found: dict[tuple[str, str], pd.Series] = {}
    for group in GROUPS:
        here = scores[scores["compartment"].eq(group)]
        for axis in PANEL_AXES:
            rows = here[here["axis"].eq(axis)].set_index("sample")
            found[group, f"{axis}_activity"] = rows["activity"].dropna()
            if axis == "stat3_core":
                found[group, f"{axis}_score"] = rows["score"].dropna()
    for method, gene in MRNA.items():
        if gene in levels:
            found["bulk", method] = levels[gene]
    found["bulk", "unsigned_pathway"] = unsigned_score(levels, genes).dropna()
    if purity is not None:
        found["bulk", "purity"] = purity.dropna()
    return {name: values for name, values in found.items() if len(values)}


def spearman_interval(
    x: np.ndarray, y: np.ndarray, bootstraps: int, level: float, seed: int
) -> tuple[float, float, float]:
    """Return Spearman's rank correlation with its bootstrap percentile interval.

    Samples are drawn with replacement as pairs and ranked anew in every draw (Efron & Tibshirani 1993, chapter 13,
    doi 10.1007/978-1-4899-4541-9); draws in which a variable is constant are left out.

    Parameters
    ----------
    x, y
        Values of the same samples.
    bootstraps
        Number of draws.
    level
        Level of the interval.
    seed
        Seed of the draws; methods with the same samples see the same draws.
    """
    estimate = float(rank_correlation(x[None], y[None])[0])
    draws = np.random.default_rng(seed).integers(len(x), size=(bootstraps, len(x)))
    found = rank_correlation(x[draws], y[draws])
    found = found[np.isfinite(found)]
    if np.isnan(estimate) or not len(found):
        return estimate, np.nan, np.nan
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return estimate, float(low), float(high)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each row of ``x`` with the same row of ``y``; NaN where one is constant."""
    a, b = (stats.rankdata(values, axis=1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norm > 0, (a * b).sum(axis=1) / norm, np.nan)


def phospho_agreement(
    phospho: pd.Series,
    matched: pd.DataFrame,
    found: dict[tuple[str, str], pd.Series],
    bootstraps: int,
    level: float,
    seed: int,
    file: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Correlate every measure with phospho-STAT3 over the matched samples.

    Parameters
    ----------
    phospho
        Values by name of the phospho table.
    matched
        From `match_samples`.
    found
        From `measures`.
    bootstraps, level, seed
        See `spearman_interval`.
    file
        Name of the phospho table, for messages.

    Returns
    -------
    `PHOSPHO_COLUMNS`, one row per group and method (no numbers where fewer than 8 samples have the measure); and the
    samples behind it with their values, `SAMPLE_COLUMNS`.

    Raises
    ------
    InputProblems
        When fewer than 8 samples match.
    """
    used = matched[matched["note"].eq("")].set_index("sample")["phospho_sample"]
    raise_if_any(too_few_matches(matched, phospho, file))
    truth = used.map(phospho)
    log.info("phospho: %s", matched["note"].replace("", "matched").value_counts().sort_index().to_dict())
    rows = []
    for (group, method), values in found.items():
        both = pd.DataFrame({"x": values, "y": truth}).dropna().sort_index()
        enough = len(both) >= MIN_SAMPLES
        numbers = (np.nan,) * 3
        if enough:
            numbers = spearman_interval(both["x"].to_numpy(), both["y"].to_numpy(), bootstraps, level, seed)
        rows.append((group, method, *numbers, len(both)))
    samples = matched.assign(phospho=matched["sample"].map(truth))
    return pd.DataFrame(rows, columns=PHOSPHO_COLUMNS), samples[SAMPLE_COLUMNS]


def compare_with_phospho(
    table: pd.DataFrame,
    file: str,
    scores: pd.DataFrame,
    levels: pd.DataFrame,
    axes: pd.DataFrame,
    ligands: pd.DataFrame,
    samples: list[dict],
    seed: int,
    validation: dict,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set the scores of a cohort against its phospho measurements.

    Parameters
    ----------
    table, file
        The phospho table and its name.
    scores
        ``activity/scores.tsv``.
    levels
        Bulk expression, samples x genes.
    axes, ligands
        ``networks/axes.tsv`` and ``networks/ligands.tsv``.
    samples
        Sheet rows with ``sample``, ``patient`` and the purity column.
    seed
        Seed of the bootstrap.
    validation
        The ``validation`` section of the config.

    Returns
    -------
    See `phospho_agreement`.
    """
    phospho = phospho_values(table, validation["phospho_column"], file)
    sheet = pd.DataFrame(samples)
    matched = match_samples(sheet, phospho.index, validation["phospho_sample_characters"])
    purity = purity_values(sheet, validation["purity"])
    found = measures(scores, levels, unsigned_genes(axes, ligands), purity)
    return phospho_agreement(
        phospho, matched, found, validation["bootstraps"], validation["confidence_level"], seed, file
    )


def purity_values(sheet: pd.DataFrame, column: str | None) -> pd.Series | None:
    """Return the purity column of the sheet as numbers by sample; None when no column is named.

    Raises
    ------
    InputProblems
        When the sheet lacks the column, or a cell is not a number.
    """
    if column is None:
        return None
    if column not in sheet:
        mend = "add the column to the sheet, or set validation.purity to null"
        raise_if_any([Problem("sample sheet", f"column {column!r}", "no such column", "purity per sample", mend)])
    cells = sheet[column].astype(str).str.strip()
    values = pd.to_numeric(cells, errors="coerce")
    text = values.isna() & ~cells.str.lower().isin(["", "na", "nan"])
    raise_if_any(
        Problem(
            "sample sheet", f"sample {sample!r}, column {column!r}", cell, "a number or nothing", "correct the cell"
        )
        for sample, cell in zip(sheet.loc[text, "sample"], cells[text], strict=True)
    )
    return pd.Series(values.to_numpy(float), index=sheet["sample"].to_numpy())
