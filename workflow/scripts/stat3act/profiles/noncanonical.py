"""STAT3 without phosphorylated Y705: what RNA may suggest, and what only phospho data can support.

RNA says nothing about pS727, nor about mitochondrial or acetylated STAT3; no value of the field claims them from it.
"""

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from stat3act.profiles.calls import Case
from stat3act.profiles.drivers import STAT3_GENE
from stat3act.profiles.states import Evidence, Thresholds
from stat3act.validation.measurements import match_samples, phospho_values, read_measurements

NOT_ASSESSABLE, HYPOTHESIS, PHOSPHO_SUPPORTED = "not_assessable", "hypothesis", "phospho_supported"
NFKB_AXIS = "nfkb"
TYROSINE, SERINE = "pY705", "pS727"
LOW, MIDDLE, HIGH = "low", "middle", "high"
# A third of fewer is one or two samples.
MIN_VALUES = 9


def thirds(values: pd.Series) -> pd.Series:
    """Say of each value whether it is in the lower, middle or upper third of all.

    Parameters
    ----------
    values
        Numbers; missing ones are left out.

    Returns
    -------
    ``low``, ``middle`` or ``high`` per value; nothing at all where there are fewer than `MIN_VALUES`.
    """
    known = values.dropna()
    if len(known) < MIN_VALUES:
        return pd.Series(dtype=object)
    lower, upper = known.quantile([1 / 3, 2 / 3])
    return pd.Series(MIDDLE, known.index, dtype=object).mask(known < lower, LOW).mask(known > upper, HIGH)


def mrna_thirds(levels: pd.DataFrame | None, rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Say how high STAT3 mRNA is in each sample, among the cohort's rows of the same compartment.

    Parameters
    ----------
    levels
        Rows (sample x compartment) x genes, log2; None where they were not measured on a linear scale.
    rows
        Columns ``sample compartment``, same index.

    Returns
    -------
    Sample -> compartment -> third.
    """
    found: dict[str, dict[str, str]] = {}
    if levels is None or STAT3_GENE not in levels:
        return found
    for compartment, group in rows.groupby("compartment", sort=True):
        for row, third in thirds(levels.loc[group.index, STAT3_GENE]).items():
            found.setdefault(group.at[row, "sample"], {})[compartment] = third
    return found


def phospho_thirds(
    table: pd.DataFrame, file: str, samples: list[dict], validation: Mapping
) -> dict[str, dict[str, str]]:
    """Say how high the phosphorylated sites of STAT3 are in each measured sample, among those of the cohort.

    Parameters
    ----------
    table, file
        The phospho table (first column sample names) and its name.
    samples
        Sheet rows with ``sample``.
    validation
        Of that section of the config: ``phospho_column`` and ``phospho_s727_column`` (columns of pY705 and pS727; None
        where that was not measured) and ``phospho_sample_characters`` (`match_samples`).

    Returns
    -------
    Sample -> site -> third.

    Raises
    ------
    InputProblems
        When a column is missing or holds text.
    """
    found: dict[str, dict[str, str]] = {}
    names = [row["sample"] for row in samples]
    for site, key in ((TYROSINE, "phospho_column"), (SERINE, "phospho_s727_column")):
        if validation[key] is None:
            continue
        values = phospho_values(table, validation[key], file)
        # Every sample speaks for itself here, so that none is left out for another of its patient.
        alone = pd.DataFrame({"sample": names, "patient": names})
        matched = match_samples(alone, values.index, validation["phospho_sample_characters"])
        used = matched[matched["note"].eq("")].set_index("sample")["phospho_sample"]
        for sample, third in thirds(used.map(values)).items():
            found.setdefault(sample, {})[site] = third
    return found


def read_phospho(path: str | Path | None, samples: list[dict], validation: Mapping) -> dict[str, dict[str, str]]:
    """Read the phospho table, if there is one, for `phospho_thirds`."""
    if not path:
        return {}
    return phospho_thirds(read_measurements(path), str(path), samples, validation)


def hints_at_u_stat3(evidence: Evidence, mrna: str | None, thresholds: Thresholds) -> bool:
    """Tell whether one compartment looks like unphosphorylated STAT3 at work.

    Its second-wave genes (CCL5 CXCL8 MET MRAS; Yang 2007, PMID 17510282, whose IL6 is a ligand and left out) are up
    with NF-kB in the same model, STAT3 mRNA is in the upper third, and the canonical core was scored and is low.
    """
    return (
        mrna == HIGH
        and NFKB_AXIS in evidence.rivals
        and evidence.u_stat3 >= thresholds["on_activity"]
        and not math.isnan(evidence.activity)
        and evidence.activity < thresholds["off_ci_high"]
    )


def noncanonical(
    case: Case,
    thresholds: Thresholds,
    rivals: Collection[str],
    mrna: Mapping[str, str],
    phospho: Mapping[str, str],
) -> str:
    """Say what is known of STAT3 that works without phosphorylated Y705.

    =======================================  ======================  =====================
    phospho data of the sample               RNA                     field
    =======================================  ======================  =====================
    pS727 high, pY705 low                    any                     ``phospho_supported``
    pY705 low                                hints at U-STAT3        ``phospho_supported``
    pY705 high                               hints at U-STAT3        ``not_assessable``
    none, or neither high nor low            hints at U-STAT3        ``hypothesis``
    anything else                            does not                ``not_assessable``
    =======================================  ======================  =====================

    High and low are thirds of the cohort (`thirds`). A sample that was measured as a whole is judged as a whole, also
    where its compartments were estimated: their STAT3 mRNA is not known.

    Parameters
    ----------
    case
        Evidence of the sample.
    thresholds
        The ``profiles`` section of the config.
    rivals
        Rival axes of the model; without NF-kB among them nothing is said from RNA.
    mrna
        Compartment -> third of STAT3 mRNA.
    phospho
        Site -> third.
    """
    whole = case.bulk_only or case.split_from_bulk
    rows = (case.bulk,) if whole else (case.tumour, case.microenvironment, *case.lineages)
    hint = NFKB_AXIS in rivals and any(hints_at_u_stat3(row, mrna.get(row.compartment), thresholds) for row in rows)
    if phospho.get(TYROSINE) == LOW and (hint or phospho.get(SERINE) == HIGH):
        return PHOSPHO_SUPPORTED
    return HYPOTHESIS if hint and phospho.get(TYROSINE) != HIGH else NOT_ASSESSABLE
