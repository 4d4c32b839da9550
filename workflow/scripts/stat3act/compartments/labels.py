"""The labels of every cell of a sample: the user's where there are any, markers and copy number elsewhere."""

import numpy as np
import pandas as pd

from stat3act.compartments.lineages import LINEAGES, UNKNOWN, annotate_cells, cluster_cells, log_normalise
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN, Cells, call_malignant
from stat3act.logs import log
from stat3act.problems import Problem, raise_if_any

CELL_COLUMNS = (
    "cell",
    "lineage",
    "lineage_margin",
    "malignant_call",
    "malignant_probability",
    "compartment",
    "cluster",
    "lineage_source",
    "malignant_source",
)
COMPARTMENT_OF = {MALIGNANT: "tumour", NON_MALIGNANT: "microenvironment", UNCERTAIN: "uncertain"}


def label_owners(mapping: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the lineages that every label is given to; a lineage's own name belongs to it."""
    owners: dict[str, list[str]] = {lineage: [lineage] for lineage in LINEAGES}
    owners.update({label: [] for names in mapping.values() for label in names})
    for lineage in sorted(mapping):
        for label in sorted(set(mapping[lineage])):
            owners[label].append(lineage)
    return owners


def lineage_problems(
    labels: pd.Series, mapping: dict[str, list[str]], owners: dict[str, list[str]], file: str
) -> list[Problem]:
    """Find lineages that do not exist, labels given to two lineages, and labels given to none."""
    problems = [
        Problem(
            "config",
            "compartments.lineages",
            lineage,
            f"one of {', '.join(LINEAGES)}",
            "rename the lineage, or put its labels under `other`",
        )
        for lineage in sorted(set(mapping) - set(LINEAGES))
    ]
    problems += [
        Problem(
            "config",
            "compartments.lineages",
            f"{label!r} under {' and '.join(given)}",
            "one lineage per label",
            "keep it under one of them",
        )
        for label, given in sorted(owners.items())
        if len(given) > 1
    ]
    counts = labels[~labels.isin([*owners, ""])].value_counts()
    return problems + [
        Problem(
            file,
            "cell_type",
            f"{label!r} in {counts[label]} cells",
            "a label that compartments.lineages gives to a lineage",
            "add it to a lineage in the config (`other` when none fits)",
        )
        for label in sorted(counts.index)
    ]


def label_lineages(labels: pd.Series, mapping: dict[str, list[str]], file: str) -> pd.Series:
    """Translate the user's cell-type labels to lineages.

    Parameters
    ----------
    labels
        One label per cell; "" is a cell without label.
    mapping
        Labels of each lineage (``compartments.lineages``). A label that is itself the name of a lineage needs
        no entry.
    file
        What the labels came from, for messages.

    Returns
    -------
    pandas.Series
        Lineages; ``unknown`` for "".

    Raises
    ------
    InputProblems
        For lineages that do not exist, labels given to two lineages, and labels given to none.
    """
    owners = label_owners(mapping)
    raise_if_any(lineage_problems(labels, mapping, owners, file))
    return labels.map({**{label: given[0] for label, given in owners.items()}, "": UNKNOWN})


def label_malignant(labels: pd.Series, malignant: list[str], non_malignant: list[str], file: str) -> pd.Series:
    """Translate the user's malignant labels to calls.

    Parameters
    ----------
    labels
        One label per cell.
    malignant, non_malignant
        Values that mean malignant and non-malignant; every other value is uncertain.
    file
        What the labels came from, for messages.

    Returns
    -------
    pandas.Series
        ``malignant``, ``non-malignant`` or ``uncertain``.

    Raises
    ------
    InputProblems
        When a value is in both lists.
    """
    raise_if_any(
        Problem(
            "config",
            "compartments.malignant_values, compartments.non_malignant_values",
            value,
            "each value in one of the two lists",
            f"remove it from one (labels come from {file})",
        )
        for value in sorted(set(malignant) & set(non_malignant))
    )
    calls = np.select([labels.isin(malignant), labels.isin(non_malignant)], [MALIGNANT, NON_MALIGNANT], UNCERTAIN)
    neither = labels[calls == UNCERTAIN].value_counts().sort_index()
    if len(neither):
        log.info("neither malignant nor non-malignant, in no compartment: %s", neither.to_dict())
    return pd.Series(calls, index=labels.index)


def label_cells(
    adata,
    settings: dict,
    tumour_type: str,
    markers: pd.DataFrame,
    seed: int,
    scale: str = "counts",
    file: str = "cells",
) -> pd.DataFrame:
    """Label every cell of a sample with lineage, malignant call and compartment.

    The user's labels win: ``obs["cell_type"]`` gives lineages and ``obs["malignant_label"]`` calls when the
    config names their columns. What is missing is found: lineages by markers per cluster, malignant cells by copy
    number against the sample's own normal lineages.

    Parameters
    ----------
    adata
        `anndata.AnnData` of one sample, linear values, ``var`` with chromosome, start and end.
    settings
        Config section ``compartments``.
    tumour_type
        Decides which lineages may hold malignant cells.
    markers
        Marker table.
    seed
        Seed of clustering and null.
    scale
        ``counts`` or ``tpm``.
    file
        What the cells came from, for messages.

    Returns
    -------
    pandas.DataFrame
        Columns ``cell lineage lineage_margin malignant_call malignant_probability compartment cluster lineage_source
        malignant_source``, in the order of the cells. Lineage sources: ``label``, ``markers``; malignant sources:
        ``label``, ``lineage`` (its lineage cannot be malignant in this tumour type), ``copy_number``, ``none`` (not
        decidable). Probabilities and margins are empty where nothing was computed.

    Raises
    ------
    InputProblems
        For labels that the config does not place.
    """
    table = user_labels(adata, settings, file)
    if settings["cell_type_key"] is None or settings["malignant_key"] is None:
        compute_labels(adata, table, settings, tumour_type, markers, seed, scale)
    table["compartment"] = table["malignant_call"].map(COMPARTMENT_OF)
    for column in ("lineage_margin", "malignant_probability"):
        table[column] = table[column].astype(float)
    return table.rename_axis("cell").reset_index()[list(CELL_COLUMNS)]


def user_labels(adata, settings: dict, file: str) -> pd.DataFrame:
    """Return the table of `label_cells`, indexed by cell, with what the user's labels say."""
    table = pd.DataFrame(index=adata.obs_names, columns=CELL_COLUMNS[1:])
    table["cluster"] = ""
    if settings["malignant_key"] is not None:
        labels = adata.obs["malignant_label"].astype(str)
        values = settings["malignant_values"], settings["non_malignant_values"]
        table["malignant_call"], table["malignant_source"] = label_malignant(labels, *values, file), "label"
    if settings["cell_type_key"] is not None:
        labels = adata.obs["cell_type"].astype(str)
        table["lineage"], table["lineage_source"] = label_lineages(labels, settings["lineages"], file), "label"
    return table


def compute_labels(
    adata, table: pd.DataFrame, settings: dict, tumour_type: str, markers: pd.DataFrame, seed: int, scale: str
) -> None:
    """Fill the lineages and calls that the user did not give into the table of `label_cells`."""
    logged = log_normalise(adata, scale)
    clustering = cluster_cells(logged, settings["clustering"], seed)
    table["cluster"] = clustering.labels
    state = table["lineage"]
    if settings["cell_type_key"] is None:
        found = annotate_cells(logged, clustering.labels, markers, settings["clustering"]["margin"])
        table["lineage"], table["lineage_margin"] = found["lineage"], found["margin"]
        table["lineage_source"], state = "markers", found["state"]
    else:
        # The user's own cell types are the finest groups a reference can have.
        state = adata.obs["cell_type"].astype(str)
    if settings["malignant_key"] is None:
        cells = Cells(
            logged,
            table["lineage"].to_numpy(dtype=object),
            state.to_numpy(dtype=object),
            clustering.labels,
            clustering.graph,
        )
        calls = call_malignant(cells, tumour_type, settings["malignant"], seed)
        table["malignant_call"] = calls["call"]
        table["malignant_probability"] = calls["probability"]
        table["malignant_source"] = calls["source"]
