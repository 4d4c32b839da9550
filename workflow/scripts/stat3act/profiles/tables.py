"""The tables of the profiles stage, put together from the scores of a cohort."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

import anndata as ad
import numpy as np
import pandas as pd

from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.compartments import LINEAGE_COMPARTMENTS
from stat3act.compartments.pseudobulk import UNCERTAIN_CELLS
from stat3act.logs import log
from stat3act.problems import raise_if_any
from stat3act.profiles import drivers as driving
from stat3act.profiles.calls import Call, Case, decide
from stat3act.profiles.guards import flags_by_sample
from stat3act.profiles.noncanonical import mrna_thirds, noncanonical
from stat3act.profiles.statements import statement
from stat3act.profiles.states import (
    CORE_AXIS,
    INTERFERON_AXIS,
    RULE_AXES,
    Evidence,
    Thresholds,
    evidence_from_rows,
    threshold_problems,
)

# A profile is the cohort's scores with the patient beside the sample.
PROFILE_COLUMNS = ["sample", "patient", *SCORE_COLUMNS[1:]]
CALL_COLUMNS = [
    "sample",
    "patient",
    "call",
    "confidence",
    "reason_codes",
    "tumour_state",
    "microenvironment_state",
    "bulk_state",
    "tumour_activity",
    "tumour_ci_low",
    "tumour_ci_high",
    "microenvironment_activity",
    "microenvironment_ci_low",
    "microenvironment_ci_high",
    "bulk_activity",
    "bulk_score",
    "reference",
    "dominant_lineage",
    "driver",
    "ifn_activity",
    "noncanonical",
    "purity",
    "purity_source",
    "statement",
]
PURITY_SOURCES = {"single_cell": "share of cells", "bulk": "estimated from bulk"}
LAYERS = ("score", "activity", "p_value")
CALLED = ("tumour", "microenvironment", "bulk")


def activation_profiles(scores: pd.DataFrame, patients: Mapping[str, str]) -> pd.DataFrame:
    """Add the patient to the scores, in the order of `PROFILE_COLUMNS`; methods asked for beside them come last."""
    table = scores.assign(patient=scores["sample"].map(patients))
    also = [column for column in scores if column not in SCORE_COLUMNS]
    return table.sort_values(["sample", "compartment", "axis"], ignore_index=True)[[*PROFILE_COLUMNS, *also]]


def rows_by_compartment(scores: pd.DataFrame) -> dict[str, dict[str, dict[str, dict]]]:
    """Index the rows that the rule reads as sample -> compartment -> axis -> row."""
    index: dict[str, dict[str, dict[str, dict]]] = {}
    for row in scores[scores["axis"].isin(RULE_AXES)].to_dict("records"):
        index.setdefault(row["sample"], {}).setdefault(row["compartment"], {})[row["axis"]] = row
    return index


def tumour_fractions(composition: pd.DataFrame) -> dict[str, float]:
    """Return the tumour fraction of each sample that has one; none where its cells could not be called."""
    rows = composition[composition["compartment"].eq("tumour") & composition["fraction"].notna()]
    rows = rows[~rows["reason"].isin([UNCERTAIN_CELLS])]
    return dict(zip(rows["sample"], rows["fraction"].astype(float), strict=True))


def case_of(
    rows: Mapping[str, Mapping],
    purity: float,
    tumour_type: str,
    kind: str,
    flags: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Case:
    """Build the evidence of one sample.

    Parameters
    ----------
    rows
        Compartment -> axis -> row of the scores; compartments may be missing.
    purity
        Tumour fraction; NaN where no split was made.
    tumour_type, kind
        ``tumour_type`` and ``expression.type`` of the config.
    flags
        Compartment -> guards that it did not pass.
    """
    bulk = kind == "bulk"

    def evidence(compartment: str) -> Evidence:
        split = bulk and compartment != "bulk"
        found = evidence_from_rows(compartment, rows.get(compartment, {}), tumour_type, split)
        return replace(found, flags=flags.get(compartment, ()))

    # A split that was tried and failed still gives a fraction: that is LOW_PURITY or the like, not BULK_ONLY.
    bulk_only = bulk and math.isnan(purity) and "tumour" not in scored(rows) and "microenvironment" not in scored(rows)
    return Case(
        tumour=evidence("tumour"),
        microenvironment=evidence("microenvironment"),
        bulk=evidence("bulk"),
        lineages=tuple(evidence(name) for name in LINEAGE_COMPARTMENTS if name in rows),
        split_from_bulk=bulk and not bulk_only,
        bulk_only=bulk_only,
    )


def scored(rows: Mapping[str, Mapping]) -> set[str]:
    """Name the compartments in which any axis has an activity."""
    return {
        compartment
        for compartment, axes in rows.items()
        if any(not math.isnan(float(row["activity"])) for row in axes.values())
    }


def interferon(case: Case) -> float:
    """Return the interferon activity of the tumour, or of the bulk where the tumour was not scored."""
    rows = (case.tumour, case.bulk)
    return next((row.rivals[INTERFERON_AXIS] for row in rows if INTERFERON_AXIS in row.rivals), math.nan)


def compared_with(rows: Mapping[str, Mapping]) -> str:
    """Say what the activities of a call are relative to: once where that is one thing, else per compartment."""
    core = {name: rows.get(name, {}).get(CORE_AXIS) for name in CALLED}
    found = {name: row["reference"] for name, row in core.items() if row and not math.isnan(float(row["activity"]))}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{name}: {reference}" for name, reference in found.items())


def call_row(case: Case, call: Call, driver: str, purity: float, kind: str) -> dict:
    """Lay out one call as a row of ``calls.tsv``; what the evidence alone does not tell is left out."""
    return {
        "call": call.call,
        "confidence": call.confidence,
        "reason_codes": ";".join(call.codes),
        "tumour_state": call.tumour.value,
        "microenvironment_state": call.non_tumour.value,
        "bulk_state": call.bulk.value,
        "tumour_activity": case.tumour.activity,
        "tumour_ci_low": case.tumour.ci_low,
        "tumour_ci_high": case.tumour.ci_high,
        "microenvironment_activity": case.microenvironment.activity,
        "microenvironment_ci_low": case.microenvironment.ci_low,
        "microenvironment_ci_high": case.microenvironment.ci_high,
        "bulk_activity": case.bulk.activity,
        "bulk_score": case.bulk.score,
        "dominant_lineage": call.dominant_lineage,
        "driver": driver,
        "ifn_activity": interferon(case),
        "purity": purity,
        "purity_source": "" if math.isnan(purity) else PURITY_SOURCES[kind],
        "statement": statement(case, call),
    }


def profiles_matrix(profiles: pd.DataFrame) -> ad.AnnData:
    """Lay the profiles out as AnnData: obs = sample|compartment, var = axes, X = activity.

    The layer ``valid`` is the mask of the programme vectors: true where the axis means something in the compartment
    and was measured well enough for a number. ``obs["reference"]`` says what a row's activities are relative to.
    """
    keys = ["sample", "compartment"]
    # `pivot_table` would drop axes that no row has a number for.
    layers = {name: profiles.pivot(index=keys, columns="axis", values=name) for name in LAYERS}  # noqa: PD010
    activity = layers["activity"].sort_index().sort_index(axis=1)
    obs = profiles[[*keys, "patient"]].drop_duplicates(keys)
    obs = obs.set_index(keys, drop=False).loc[activity.index]
    compared = profiles[profiles["activity"].notna()].groupby(keys)["reference"].first()
    obs["reference"] = compared.reindex(activity.index).astype(object).fillna("")
    obs.index = [f"{sample}|{compartment}" for sample, compartment in activity.index]
    arrays = {name: table.loc[activity.index, activity.columns].to_numpy(np.float64) for name, table in layers.items()}
    adata = ad.AnnData(arrays["activity"], obs=obs, var=pd.DataFrame(index=activity.columns.astype(str)))
    adata.var.index.name = None
    adata.layers.update(arrays)
    adata.layers["valid"] = np.isfinite(arrays["activity"])
    return adata


def build_profiles(
    scores: pd.DataFrame,
    levels: pd.DataFrame | None,
    cleaned: pd.DataFrame | None,
    rows: pd.DataFrame,
    composition: pd.DataFrame,
    ligands: pd.DataFrame,
    samples: list[dict],
    phospho: Mapping[str, Mapping[str, str]],
    lesions: pd.DataFrame,
    guards: pd.DataFrame,
    profiles: Thresholds,
    tumour_type: str,
    type: str,
    rivals: Collection[str],
    reference_flags: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({}),
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Turn the scores of a cohort into profiles, calls and drivers.

    Parameters
    ----------
    scores
        ``activity/scores.tsv``.
    levels
        Rows (sample x compartment) x `drivers.genes_of`, log2(CPM + 1); None on scales that do not tell expressed
        from not.
    cleaned
        Its rows of known ambient RNA, without it; None for bulk.
    rows
        Columns ``sample compartment`` of the measured rows, index of ``levels``.
    composition
        ``compartments/composition.tsv``.
    ligands
        ``networks/ligands.tsv``.
    samples
        Sheet rows with ``sample`` and ``patient``; every one of them gets a call.
    phospho
        Sample -> site -> third (`noncanonical.phospho_thirds`); empty without phospho data.
    lesions
        Result of `lesions.find_lesions`; without rows where no table is given.
    guards
        Result of `guards.guard_table`; without rows for bulk.
    profiles
        The ``profiles`` section of the config.
    tumour_type, type, rivals
        ``tumour_type``, ``expression.type`` and ``activity.rivals`` of the config.
    reference_flags
        Sample -> compartment -> flags of the reference of a bulk split.

    Returns
    -------
    Activation profiles, calls and drivers.

    Raises
    ------
    InputProblems
        When the thresholds contradict each other.
    """
    raise_if_any(threshold_problems(profiles, "config"))
    patients = {row["sample"]: row["patient"] for row in samples}
    found = pd.DataFrame(columns=driving.DRIVER_COLUMNS)
    assessed: set[str] = set()
    if levels is not None:
        assessed = set(rows.loc[rows["compartment"] != "bulk", "sample"])
        found = driving.find_drivers(levels, rows, ligands, profiles["driver_log2_cpm"], cleaned)
    by_sample, altered = dict(tuple(found.groupby("sample"))), dict(tuple(lesions.groupby("sample")))
    index, purities = rows_by_compartment(scores), tumour_fractions(composition)
    mrna = mrna_thirds(levels, rows)
    # Guards are of single cells, references of bulk: no sample has both.
    flags, calls = {**flags_by_sample(guards), **reference_flags}, []
    for sample in sorted(patients):
        purity = purities.get(sample, math.nan)
        case = case_of(index.get(sample, {}), purity, tumour_type, type, flags.get(sample, {}))
        call = decide(case, profiles)
        states = {"tumour": call.tumour.value, "microenvironment": call.non_tumour.value}
        states |= {"bulk": call.bulk.value} if case.bulk_only else {}
        pairs = by_sample.get(sample, found.iloc[:0]) if sample in assessed else None
        driver = driving.summarise(pairs, states, altered.get(sample))
        row = call_row(case, call, driver, purity, type)
        row |= {"sample": sample, "patient": patients[sample], "reference": compared_with(index.get(sample, {}))}
        row["noncanonical"] = noncanonical(case, profiles, rivals, mrna.get(sample, {}), phospho.get(sample, {}))
        calls.append(row)
    table = pd.DataFrame(calls, columns=CALL_COLUMNS)
    log.info("calls: %s", table["call"].value_counts().sort_index().to_dict())
    return activation_profiles(scores, patients), table, found
