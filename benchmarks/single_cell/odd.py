"""Do odd samples go through, and say what is not known and why? Each ends in a profile.

Only normal cells, only tumour cells, 30 cells, no immune cell: made of real cells, each cell used once, in one cohort
with ordinary samples, from clustering to the calls. A marrow is made of immune cells and their makers; its sample
without any has progenitors and red cells.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from scoring.calibration import with_goal
from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell.cohort_run import Run, finish, sum_cohort
from single_cell.samples import (
    AML,
    AML_CANDIDATES,
    GLIOMA_PATIENTS,
    GLIOMA_WHOLE,
    HEAD_NECK,
    Study,
    compartment_settings,
    label_cohort,
    read_samples,
)
from stat3act.compartments import COMPARTMENTS
from stat3act.compartments.cells import Labels
from stat3act.compartments.lent import evenly
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN
from stat3act.profiles.states import CORE_AXIS

CHECK = "odd"
NORMAL, TUMOUR, FEW, NO_IMMUNE = "only normal cells", "only tumour cells", "30 cells", "no immune cell"
ODD = (NORMAL, TUMOUR, FEW, NO_IMMUNE)
FEW_CELLS = 30
ORDINARY = ("AML210A-D0", "AML328-D0", "AML329-D0", "AML420B-D0", "AML475-D0")
AML_SOURCE = {NORMAL: "BM3", TUMOUR: "AML707B-D0", FEW: "AML916-D0", NO_IMMUNE: "AML1012-D0"}
AML_NO_IMMUNE = ("HSC", "Prog", "earlyEry", "lateEry")


def glioma_cohort(data: Path) -> dict:
    """Make the odd samples of a glioma: no microglia in one, nothing else but them and oligodendrocytes in another."""
    [whole] = read_samples(data, GLIOMA_WHOLE).values()
    patients = read_samples(data, GLIOMA_PATIENTS)
    patient = pd.Series({cell: name for name, cells in patients.items() for cell in cells.obs_names})[whole.obs_names]
    kind, malignant = whole.obs["cell_type"].astype(str), (whole.obs["malignant_label"] == "malignant").to_numpy()
    microglia, mgh53 = (kind == "Microglia/Macrophage").to_numpy(), (patient == "MGH53").to_numpy()
    few = np.flatnonzero((patient == "MGH97").to_numpy())[:FEW_CELLS]
    return {
        "MGH36": whole[(patient == "MGH36").to_numpy() & malignant].copy(),
        TUMOUR: whole[(patient == "MGH93").to_numpy()].copy(),
        NORMAL: whole[~malignant & (microglia | ~mgh53)].copy(),
        FEW: whole[few].copy(),
        NO_IMMUNE: whole[mgh53 & ~microglia].copy(),
    }


def marrow_cohort(data: Path) -> dict:
    """Make the odd samples of a leukaemia."""
    samples = read_samples(data, AML, (*ORDINARY, *AML_SOURCE.values()))
    own = {name: samples[source] for name, source in AML_SOURCE.items()}
    kind = own[NO_IMMUNE].obs["cell_type"].astype(str).str.removesuffix("-like")
    chosen = {
        NORMAL: np.arange(own[NORMAL].n_obs),
        TUMOUR: np.flatnonzero(own[TUMOUR].obs["malignant_label"] == "malignant"),
        FEW: evenly(own[FEW].n_obs, FEW_CELLS),
        NO_IMMUNE: np.flatnonzero(kind.isin(AML_NO_IMMUNE)),
    }
    return {name: samples[name] for name in ORDINARY} | {
        name: own[name][places].copy() for name, places in chosen.items()
    }


def carcinoma_cohort(data: Path) -> dict:
    """Make a carcinoma cohort without any tumour: immune cells, and fibroblasts with endothelial cells."""
    [whole] = read_samples(data, HEAD_NECK).values()
    stroma = whole.obs["cell_type"].isin(["Fibroblast", "Endothelial"]).to_numpy()
    few = np.zeros(whole.n_obs, dtype=bool)
    few[np.flatnonzero(~stroma)[evenly(int((~stroma).sum()), FEW_CELLS)]] = True
    parts = {NORMAL: ~stroma & ~few, NO_IMMUNE: stroma, FEW: few}
    return {name: whole[rows].copy() for name, rows in parts.items()}


def call_rows(cells, found: Labels, names: Mapping[str, str], sample: str) -> list[dict]:
    """Report what the cells of an odd sample were called."""
    call = found.cells["malignant_call"].to_numpy()
    goals = {NORMAL: {MALIGNANT: "<= 0"}, TUMOUR: {NON_MALIGNANT: "<= 0"}}.get(sample, {})
    rows = [
        rate_row(pd.Series(call == told), goals.get(told, ""), group=f"{sample}: cells {told}", **names)
        for told in (MALIGNANT, NON_MALIGNANT, UNCERTAIN)
    ]
    if "malignant_label" in cells.obs:
        truth = cells.obs["malignant_label"].astype(str).to_numpy()
        wrong = (truth == MALIGNANT) & (call == NON_MALIGNANT) | (truth == NON_MALIGNANT) & (call == MALIGNANT)
        rows.append(rate_row(pd.Series(wrong), "", group=f"{sample}: cells called wrongly", **names))
    untold = found.clusters.loc[found.clusters["n_uncertain"] > 0, "reason"].fillna("") == ""
    row = names | {"group": f"{sample}: clusters uncertain without a reason", "value": int(untold.sum())}
    return [*rows, with_goal(row | {"n": len(found.clusters)}, "<= 0")]


def profile_rows(run: Run, names: Mapping[str, str], sample: str) -> list[dict]:
    """Report what the profile of an odd sample knows, and the reasons where it does not."""
    core = run.scores[(run.scores["sample"] == sample) & (run.scores["axis"] == CORE_AXIS)]
    core = core.set_index("compartment").reindex(COMPARTMENTS)
    unknown = core[core["activity"].isna()]
    reasons = unknown["reason"].fillna("")
    call = run.calls.loc[run.calls["sample"] == sample]
    told = call["call"].iloc[0] if len(call) else "no call"
    parts = {
        "compartments unknown": (len(unknown), ""),
        "compartments unknown without a reason": (int((reasons == "").sum()), "<= 0"),
        "has a call": (float(len(call) == 1), ">= 1"),
    }
    rows = [
        with_goal(names | {"group": f"{sample}: {group}", "value": value, "n": len(core)}, goal)
        for group, (value, goal) in parts.items()
    ]
    texts = [f"{compartment} {reason}" for compartment, reason in reasons.items()]
    codes = call["reason_codes"].iloc[0] if len(call) else ""
    said = f"{sample}: {told} ({codes}); {', '.join(texts) or 'every compartment scored'}"
    return [*rows, {**names, "check": "odd_profile", "group": said, "value": len(unknown), "n": len(core)}]


def cohort_rows(samples: Mapping, study: Study, dataset: str, **changes) -> list[dict]:
    """Run a cohort and report its odd samples.

    Parameters
    ----------
    samples
        Cells by sample.
    study
        Says tumour type and scale.
    dataset
        Name in the table.
    **changes
        What the config says in its ``compartments`` section.
    """
    settings = compartment_settings(**changes)
    labels = label_cohort(samples, study, settings)
    run = finish(sum_cohort(samples, labels), study, settings)
    names = {"check": CHECK, "dataset": dataset, "method": "activity"}
    rows = []
    for sample in ODD:
        if sample in samples:
            rows += call_rows(samples[sample], labels[sample], names, sample)
            rows += profile_rows(run, names, sample)
    return rows


def check(data: Path) -> pd.DataFrame:
    """Run the odd samples of three cohorts.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``odd``, and ``odd_profile``, whose groups tell calls and reasons in words.
    """
    marrow = marrow_cohort(data)
    return lay_out(
        [
            *cohort_rows(glioma_cohort(data), GLIOMA_WHOLE, "glioma"),
            *cohort_rows(carcinoma_cohort(data), HEAD_NECK, "carcinoma"),
            *cohort_rows(marrow, AML, "leukaemia"),
            *cohort_rows(marrow, AML, "leukaemia, candidates given", malignant={"candidates": list(AML_CANDIDATES)}),
        ]
    )
