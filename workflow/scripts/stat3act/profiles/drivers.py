"""Who could drive STAT3: ligands that are expressed where their whole receptor can hear them, and genetic lesions.

Explanatory only: ligand and receptor mRNA never enter a state or a call, because IL6, LIF, OSM and IL11 are
themselves STAT3 targets.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from stat3act.compartments import LINEAGE_COMPARTMENTS
from stat3act.profiles.lesions import genetic_answer
from stat3act.profiles.states import ON

DRIVER_COLUMNS = [
    "sample",
    "mechanism",
    "sender",
    "receiver",
    "ligand",
    "receptor",
    "ligand_log2_cpm",
    "receptor_log2_cpm",
    "kinase_log2_cpm",
    "kind",
    "without_ambient",
]
STAT3_GENE = "STAT3"
KINASES = ("JAK1", "JAK2")
LINEAR_SCALES = ("counts", "tpm", "fpkm", "rsem")
AUTOCRINE, PARACRINE = "autocrine", "paracrine"
INTERNAL, EDUCATES = "microenvironment_internal", "tumour_educates"
NOT_ASSESSED, NONE_FOUND = "not_assessed", "none_found"
TOP_LIGANDS = 3


def kind_of(sender: str, receiver: str) -> str:
    """Name the kind of a signal from its two ends."""
    if receiver == "tumour":
        return AUTOCRINE if sender == "tumour" else PARACRINE
    return EDUCATES if sender == "tumour" else INTERNAL


def signals(ligands: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of the ligand table that name a ligand and a receptor, each pair once.

    Parameters
    ----------
    ligands
        ``networks/ligands.tsv``: columns ``mechanism ligand receptor kinases sender receiver``; several genes or
        compartments are joined with ``;``. Feedback and kinase rows have no ligand.
    """
    columns = ["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"]
    pairs = ligands[columns].fillna("")
    pairs = pairs[pairs["ligand"].ne("") & pairs["receptor"].ne("")]
    return pairs.sort_values(columns).drop_duplicates(["ligand", "receptor"], ignore_index=True)


def kinases_of(joined: str) -> list[str]:
    """Choose the kinases of which one must be expressed in the receiver.

    JAK1 or JAK2 where the receptor works through them: their partners TYK2 and JAK3 do not replace them. Otherwise
    the kinases that the table names (receptor tyrosine kinases, SRC).
    """
    names = joined.split(";")
    return [name for name in names if name in KINASES] or names


def genes_of(ligands: pd.DataFrame) -> list[str]:
    """List every gene whose expression the profiles look at, sorted: those of the drivers, and STAT3 itself."""
    pairs = signals(ligands)
    joined = [name for column in ("ligand", "receptor", "kinases") for name in pairs[column]]
    return sorted({STAT3_GENE, *(gene for name in joined for gene in name.split(";"))})


def complex_level(expression: pd.DataFrame, joined: str) -> pd.Series:
    """Return the expression of a complex in each row: that of its least expressed subunit.

    A subunit that was not measured makes the complex missing (NaN), never expressed.
    """
    return expression.reindex(columns=joined.split(";")).min(axis=1, skipna=False)


def units(compartments: Iterable[str]) -> list[str]:
    """Choose the compartments that send and receive.

    The tumour and, where lineages were measured, the lineages: a receptor whose subunits sit on different
    lineages of a pooled microenvironment is not whole. Without lineages the pooled microenvironment stands for them.
    """
    present = set(compartments)
    lineages = [name for name in LINEAGE_COMPARTMENTS if name in present]
    others = lineages or [name for name in ("microenvironment",) if name in present]
    return [name for name in ("tumour",) if name in present] + others


def find_drivers(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    ligands: pd.DataFrame,
    level: float,
    cleaned: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """List every ligand that could drive STAT3, per sample.

    A ligand counts when its sender expresses it (every subunit), and the receiver expresses the whole receptor (least
    of its subunits) and a kinase of it (`kinases_of`, the highest), each at ``level`` or above.

    Parameters
    ----------
    expression
        Rows (sample x compartment) x genes, log2(CPM + 1); genes that were not measured are absent.
    rows
        Columns ``sample compartment``, same index.
    ligands
        ``networks/ligands.tsv``.
    level
        Least log2 CPM of an expressed gene.
    cleaned
        The rows of ``expression`` whose ambient RNA is known, without it: it makes tumour cells seem to send what
        macrophages send. None where nothing was estimated.

    Returns
    -------
    `DRIVER_COLUMNS`, sorted by sample and kind; within a kind the usual senders and receivers of a ligand first, then
    by strength. ``without_ambient`` says whether the signal holds without ambient RNA; empty where that of the sender
    is not known.
    """
    pairs = signals(ligands)
    levels, (senders, receivers) = end_levels(expression, pairs), links(rows)
    link, pair = np.nonzero(heard(levels, senders, receivers, level))
    holds = None
    if cleaned is not None:
        clean = end_levels(cleaned.combine_first(expression).loc[expression.index], pairs)
        known = expression.index.isin(cleaned.index)[senders[link]]
        holds = np.where(known, heard(clean, senders, receivers, level)[link, pair], None)
    sent, received = senders[link], receivers[link]
    compartment = rows["compartment"].to_numpy(object)
    table = pairs.iloc[pair].reset_index(drop=True)
    ends = list(zip(compartment[sent], compartment[received], strict=True))
    meant = zip(table["sender"], table["receiver"], ends, strict=True)
    table = table.assign(
        usual=[is_usual(start, sender) and is_usual(end, receiver) for sender, receiver, (start, end) in meant],
        sample=rows["sample"].to_numpy(object)[sent],
        sender=compartment[sent],
        receiver=compartment[received],
        ligand_log2_cpm=levels[0][sent, pair],
        receptor_log2_cpm=levels[1][received, pair],
        kinase_log2_cpm=levels[2][received, pair],
        kind=[kind_of(*both) for both in ends],
        without_ambient=holds,
    )
    return by_strength(table)[DRIVER_COLUMNS]


def end_levels(expression: pd.DataFrame, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the levels of ligand, whole receptor and its highest kinase, each rows x pairs."""
    return (
        levels_of(complex_level(expression, name) for name in pairs["ligand"]),
        levels_of(complex_level(expression, name) for name in pairs["receptor"]),
        levels_of(expression.reindex(columns=kinases_of(name)).max(axis=1) for name in pairs["kinases"]),
    )


def heard(
    levels: tuple[np.ndarray, np.ndarray, np.ndarray], senders: np.ndarray, receivers: np.ndarray, level: float
) -> np.ndarray:
    """Return links x pairs: whether the sender has the ligand, and the receiver its whole receptor and a kinase."""
    ligand, receptor, kinase = levels
    return (ligand[senders] >= level) & (receptor[receivers] >= level) & (kinase[receivers] >= level)


def is_usual(compartment: str, joined: str) -> bool:
    """Tell whether the ligand table names a compartment; the pooled microenvironment stands for any lineage."""
    names = set(joined.split(";"))
    if compartment == "microenvironment":
        return bool(names - {"tumour"})
    return compartment in names or "all" in names


def levels_of(columns: Iterable[pd.Series]) -> np.ndarray:
    """Put columns side by side: rows x columns."""
    return np.column_stack([column.to_numpy(float) for column in columns])


def links(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Pair every sender with every receiver of the same sample; return their row numbers."""
    places = pd.DataFrame({"sample": rows["sample"].to_numpy(), "compartment": rows["compartment"].to_numpy()})
    pairs = []
    for _, group in places.groupby("sample", sort=True):
        here = dict(zip(group["compartment"], group.index, strict=True))
        ends = [here[name] for name in units(here)]
        pairs += [(sender, receiver) for sender in ends for receiver in ends]
    both = np.array(pairs, dtype=int).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def by_strength(drivers: pd.DataFrame) -> pd.DataFrame:
    """Sort by sample and kind; usual routes first, then by the mean log2 CPM of ligand and receptor, highest first."""
    strength = -(drivers["ligand_log2_cpm"] + drivers["receptor_log2_cpm"]) / 2
    order = drivers.assign(unusual=~drivers["usual"].astype(bool), strength=strength)
    keys = ["sample", "kind", "unusual", "strength", "ligand", "receptor", "sender", "receiver"]
    return order.sort_values(keys, ignore_index=True)


def summarise(drivers: pd.DataFrame | None, states: Mapping[str, str], lesions: pd.DataFrame | None = None) -> str:
    """Summarise the drivers of one sample for the compartments where STAT3 is ON.

    Parameters
    ----------
    drivers
        Rows of `find_drivers` of this sample, in their order; None when drivers were not assessed (no compartments,
        or a scale that does not tell expressed from not).
    states
        State of ``tumour`` and of ``microenvironment``, and of ``bulk`` where nothing else was measured.
    lesions
        Rows of `lesions.find_lesions` of this sample. They are of the tumour: told where STAT3 is on there, or in the
        whole sample where that is all there is.

    Returns
    -------
    E.g. ``genetic: STAT3 Y640F; paracrine: IL6 (fibroblast -> tumour)``, up to three ligands per kind, kinds joined
    with ``;``; ``not_assessed``, for ligands; ``none_found`` when STAT3 is on, no pair is expressed and no lesion is
    known; empty when STAT3 is on nowhere.
    """
    genetic = genetic_answer(lesions) if ON in (states.get("tumour"), states.get("bulk")) else []
    wanted = []
    if states.get("tumour") == ON:
        wanted += [PARACRINE, AUTOCRINE]
    if states.get("microenvironment") == ON:
        wanted += [INTERNAL, EDUCATES]
    if drivers is None:
        return "; ".join([*genetic, NOT_ASSESSED])
    if not wanted:
        return ""
    parts = genetic
    for kind in wanted:
        # A signal that is gone without ambient RNA is in the table, but nobody should be told it drives anything.
        holds = ~drivers["without_ambient"].isin([False])
        rows = drivers[holds & (drivers["kind"] == kind)].drop_duplicates("ligand").head(TOP_LIGANDS)
        ends = [f"{row.ligand} ({row.sender} -> {row.receiver})" for row in rows.itertuples()]
        if ends:
            parts.append(f"{kind}: {', '.join(ends)}")
    return "; ".join(parts) or NONE_FOUND
