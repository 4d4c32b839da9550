"""Simulated samples with known truth: real gene names and positions, invented expression.

A *design* (profiles of the cell types, responses to stimuli) is the same for all samples; a sample adds its
patient's copy-number changes and variation, its planted strengths and its noise. Every draw is keyed by what it
belongs to (gene, patient or sample) and never by position, so a sample is the same whatever else a sheet holds.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import ndtri

# Names that are mostly not protein coding or have many near-copies; they make a poor background.
UNNAMED = r"^(?:LOC|LINC|MIR|SNOR|RNU|RNY|RN7|TR[ABDG][VDJC]|IG[HKL]|OR\d|KRTAP|HLA|FAM|RP[LS]|MRP)|[-.]|orf|P\d*$"
AUTOSOMES = tuple(f"chr{number}" for number in range(1, 23))


@dataclass(frozen=True)
class Design:
    """What all samples of a simulation share.

    Attributes
    ----------
    genes
        Index = symbol, columns chromosome, start, end.
    profiles
        Genes x cell types, log2 CPM, nuclear genes; the mitochondrial share is added per cell.
    responses
        Stimulus -> genes x cell types, log2 change at strength 1.
    axes
        Axis -> genes, for the variation between patients.
    parameters
        The parameter file.
    """

    genes: pd.DataFrame
    profiles: pd.DataFrame
    responses: dict[str, pd.DataFrame]
    axes: dict[str, list[str]]
    parameters: Mapping[str, Any]

    @property
    def mitochondrial(self) -> np.ndarray:
        """Which genes are mitochondrial."""
        return np.asarray(self.genes.index.str.startswith("MT-"))


def seed_of(seed: int, *key: str) -> int:
    """Return a seed of 64 bits that depends on ``seed`` and the words of ``key`` only."""
    digest = hashlib.sha256("\x1f".join([str(seed), *key]).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def generator(seed: int, *key: str) -> np.random.Generator:
    """Return a random generator for the thing that ``key`` names."""
    return np.random.default_rng(seed_of(seed, *key))


def uniform_by_name(seed: int, label: str, names) -> np.ndarray:
    """Return one number in (0, 1) per name, each from its own hash: adding a name moves no other."""
    return np.array([(seed_of(seed, label, name) + 0.5) / 2.0**64 for name in names])


def normal_by_name(seed: int, label: str, names) -> np.ndarray:
    """Return one standard normal number per name, each from its own hash."""
    return ndtri(uniform_by_name(seed, label, names))


def build_design(
    parameters: Mapping[str, Any], genes: pd.DataFrame, markers: pd.DataFrame, axes: pd.DataFrame, seed: int
) -> Design:
    """Build profiles and responses from the parameter file.

    Parameters
    ----------
    parameters
        Content of the parameter file.
    genes
        Gene table: symbol, chromosome, start, end.
    markers
        Marker table: lineage, state, gene, sign.
    axes
        Bundled axes tables, joined: axis, gene, sign (+ or -).
    seed
        Seed of the cohort.

    Raises
    ------
    ValueError
        When the parameter file names an axis, or a marker set, that the tables do not have.
    """
    used = _axes_used(parameters)
    if missing := sorted(used - set(axes["axis"])):
        raise ValueError(f"the axes table has no axis {', '.join(missing)}")
    table = _choose_genes(parameters, genes, markers, axes[axes["axis"].isin(used)], seed)
    profiles = _profiles(parameters, table, markers, axes[axes["axis"].isin(used)], seed)
    responses = {
        stimulus: _responses(stimulus, part, parameters, profiles, axes, seed)
        for stimulus, part in parameters["stimuli"].items()
    }
    members = {
        axis: sorted(set(axes.loc[axes["axis"] == axis, "gene"]) & set(table.index))
        for axis in parameters["patients"]["axes"]
    }
    return Design(table, profiles, responses, members, parameters)


def simulate_sample(design: Design, sample: str, row: Mapping[str, str], type: str, seed: int):
    """Simulate the sample that one row of a sheet describes.

    Parameters
    ----------
    design
        What the samples share.
    sample
        Name of the sample.
    row
        Cells of its row: patient, a strength for each stimulus (empty means 0) and, for bulk, purity.
    type
        ``single_cell`` or ``bulk``.
    seed
        Seed of the cohort.

    Returns
    -------
    An `anndata.AnnData` of cells, or a table of the columns gene and ``sample``.
    """
    planted = {stimulus: float(row.get(stimulus) or 0) for stimulus in design.responses}
    if type == "single_cell":
        return simulate_cells(design, sample, row["patient"], planted, seed)
    counts = simulate_bulk(design, sample, row["patient"], float(row["purity"]), planted, seed)
    return counts.rename_axis("gene").reset_index()


def simulate_cells(design: Design, sample: str, patient: str, planted: Mapping[str, float], seed: int):
    """Simulate one single-cell sample.

    Parameters
    ----------
    design
        What the samples share.
    sample, patient
        Names; the patient decides copy numbers and variation, the sample the cells.
    planted
        Strength of each stimulus; a stimulus that is left out is off.
    seed
        Seed of the cohort.

    Returns
    -------
    `anndata.AnnData` of counts (CSR, float32); ``obs`` holds the truth: planted_cell_type, planted_malignant
    (malignant, non-malignant, doublet), planted_state (intact, dying); ``var`` the gene positions (hg38).
    """
    # Imported here because the bulk demo and the checks of the configuration do without it.
    import anndata as ad

    settings = design.parameters["single_cell"]
    rng = generator(seed, "cells", sample)
    rates = patient_rates(design, patient, planted, seed)
    types = list(rates.columns)
    shares = np.array([design.parameters["cell_types"][name]["share"] for name in types])
    shares = generator(seed, "composition", patient).dirichlet(shares / shares.sum() * settings["composition"])
    n_cells = int(settings["cells"])
    kind = np.sort(rng.choice(len(types), size=n_cells, p=shares))
    rate = rates.to_numpy().T[kind] * _factors(design, n_cells, rng)
    doublet = rng.random(n_cells) < settings["doublets"]
    partner = rng.integers(n_cells, size=n_cells)
    size = settings["counts_median"] * rng.lognormal(0, settings["counts_log_sd"], n_cells)
    rate = _scaled(rate) + np.where(doublet, size[partner] / size, 0)[:, None] * _scaled(rate[partner])
    dying = ~doublet & (rng.random(n_cells) < settings["dying"])
    size = np.where(dying, settings["dying_counts"], size)
    mean = rate * size[:, None]
    shares = np.where(dying, settings["dying_mitochondrial_share"], design.parameters["genes"]["mitochondrial_share"])
    mean = _with_mitochondria(mean, design.mitochondrial, shares, rng)
    shape = 1.0 / settings["dispersion"]
    counts = rng.poisson(mean * rng.gamma(shape, 1.0 / shape, mean.shape))
    malignant = np.where(np.array(types)[kind] == "tumour", "malignant", "non-malignant")
    obs = pd.DataFrame(
        {
            "planted_cell_type": np.array(types)[kind],
            "planted_malignant": np.where(doublet, "doublet", malignant),
            "planted_state": np.where(dying, "dying", "intact"),
        },
        index=[f"{sample}_{number:04d}" for number in range(1, n_cells + 1)],
    )
    return ad.AnnData(sparse.csr_matrix(counts, dtype=np.float32), obs=obs, var=design.genes.copy())


def simulate_bulk(
    design: Design, sample: str, patient: str, purity: float, planted: Mapping[str, float], seed: int
) -> pd.Series:
    """Simulate one bulk sample.

    Parameters
    ----------
    design
        What the samples share.
    sample, patient
        Names; the patient decides copy numbers, variation and the mix of the microenvironment.
    purity
        Share of the sample's RNA that comes from tumour cells.
    planted
        Strength of each stimulus.
    seed
        Seed of the cohort.

    Returns
    -------
    Counts per gene, named like the sample.

    Raises
    ------
    ValueError
        When the purity is not between 0 and 1.
    """
    if not 0 <= purity <= 1:
        raise ValueError(f"purity {purity} is not between 0 and 1")
    settings = design.parameters["bulk"]
    rng = generator(seed, "bulk", sample)
    rates = patient_rates(design, patient, planted, seed)
    types = design.parameters["cell_types"]
    shares = np.array([0.0 if name == "tumour" else types[name]["share"] for name in rates.columns])
    rest = shares > 0
    mix = generator(seed, "composition", patient).dirichlet(shares[rest] / shares[rest].sum() * settings["composition"])
    shares[rest] = (1 - purity) * mix
    shares[list(rates.columns).index("tumour")] = purity
    mean = (_scaled(rates.to_numpy().T) * shares[:, None]).sum(axis=0)
    mean = mean * np.exp2(settings["gene_sd"] * rng.standard_normal(len(mean)))
    mean = _scaled(mean[None]) * settings["counts"]
    share = np.array([design.parameters["genes"]["mitochondrial_share"]])
    mean = _with_mitochondria(mean, design.mitochondrial, share, rng)[0]
    shape = 1.0 / settings["dispersion"]
    counts = rng.poisson(mean * rng.gamma(shape, 1.0 / shape, mean.shape))
    return pd.Series(counts, index=design.genes.index, name=sample)


def patient_rates(design: Design, patient: str, planted: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Return linear expression (CPM before scaling), genes x cell types, of one patient with its planted states.

    Parameters
    ----------
    design
        What the samples share.
    patient
        Name of the patient.
    planted
        Strength of each stimulus.
    seed
        Seed of the cohort.
    """
    settings = design.parameters["patients"]
    rng = generator(seed, "patient", patient)
    log2 = design.profiles.copy()
    for axis, sd in settings["axes"].items():
        log2.loc[design.axes[axis]] += sd * rng.standard_normal()
    copies = copy_numbers(design, patient, seed)
    log2["tumour"] += np.log2(copies / 2.0)
    for cell_type in log2.columns:
        noise = normal_by_name(seed, f"patient {patient} {cell_type}", log2.index)
        log2[cell_type] += settings["gene_sd"] * noise
    for stimulus, strength in planted.items():
        log2 += strength * design.responses[stimulus]
    return np.exp2(log2)


def copy_numbers(design: Design, patient: str, seed: int) -> np.ndarray:
    """Return the number of copies of each gene in a patient's tumour cells (1, 2 or 3; whole chromosomes)."""
    settings = design.parameters["patients"]
    rng = generator(seed, "copy numbers", patient)
    gains = rng.choice(settings["gains"], size=settings["events"], replace=False)
    losses = rng.choice(settings["losses"], size=settings["events"], replace=False)
    chromosome = design.genes["chromosome"]
    return 2 + chromosome.isin(gains).to_numpy(int) - chromosome.isin(losses).to_numpy(int)


def _axes_used(parameters: Mapping[str, Any]) -> set[str]:
    used = set(parameters["patients"]["axes"])
    for part in parameters["stimuli"].values():
        used |= set(part["axes"])
    return used


def _choose_genes(parameters, genes, markers, axes, seed) -> pd.DataFrame:
    """Return the positions of the simulated genes, in alphabetical order."""
    part = parameters["genes"]
    named = {*part["housekeeping"], *part["mitochondrial"], *parameters["drivers"]["genes"]}
    named |= set(axes["gene"]) | set(_used_markers(parameters, markers)["gene"])
    for stimulus in parameters["stimuli"].values():
        named |= set(stimulus["genes"])
        for single in stimulus.get("only", {}).values():
            named |= set(single)
    table = genes.drop_duplicates("symbol").set_index("symbol")[["chromosome", "start", "end"]]
    other = table[table["chromosome"].isin(AUTOSOMES)]
    other = other[~other.index.str.contains(UNNAMED) & ~other.index.isin([*named, *markers["gene"]])]
    rank = pd.Series(uniform_by_name(seed, "background", other.index), index=other.index)
    chosen = sorted(named | set(rank.nsmallest(int(part["background"])).index))
    table = table.reindex(pd.Index(chosen, name="symbol"))
    positions = table[["start", "end"]].apply(pd.to_numeric)
    return positions.assign(chromosome=table["chromosome"].fillna(""))[["chromosome", "start", "end"]]


def _used_markers(parameters, markers) -> pd.DataFrame:
    used = {tuple(part["marker"]) for part in parameters["cell_types"].values()}
    keys = list(zip(markers["lineage"], markers["state"], strict=True))
    if missing := sorted(used - set(keys)):
        raise ValueError(f"the marker table has no {', '.join('/'.join(key) for key in missing)}")
    positive = markers["sign"].astype(float) > 0
    return markers[np.array([key in used for key in keys]) & positive]


def _profiles(parameters, table, markers, axes, seed) -> pd.DataFrame:
    part, types = parameters["genes"], parameters["cell_types"]
    names = table.index
    axis = names.isin(axes["gene"])
    mean = np.where(axis, part["axis_log2_cpm_mean"], part["log2_cpm_mean"])
    sd = np.where(axis, part["axis_log2_cpm_sd"], part["log2_cpm_sd"])
    base = mean + sd * normal_by_name(seed, "base", names)
    base[names.isin(part["housekeeping"])] = part["housekeeping_log2_cpm"]
    # Mitochondrial genes get their share of a cell's counts later.
    base[names.isin(part["mitochondrial"])] = 0.0
    profiles = pd.DataFrame(
        {name: base + part["type_sd"] * normal_by_name(seed, f"type {types[name]['marker']}", names) for name in types},
        index=names,
    )
    used = _used_markers(parameters, markers)
    profiles.loc[names.isin(used["gene"])] = part["marker_elsewhere_log2_cpm"]
    for name, kind in types.items():
        lineage, state = kind["marker"]
        own = used.loc[(used["lineage"] == lineage) & (used["state"] == state), "gene"]
        profiles.loc[names.isin(own), name] = part["marker_log2_cpm"]
    drivers = parameters["drivers"]
    for gene, makers in drivers["genes"].items():
        profiles.loc[gene] = drivers["elsewhere_log2_cpm"]
        profiles.loc[gene, makers] = drivers["log2_cpm"]
    return profiles


def _responses(stimulus, part, parameters, profiles, axes, seed) -> pd.DataFrame:
    """Return genes x cell types, log2 change at strength 1."""
    types = parameters["cell_types"]
    change = pd.DataFrame(0.0, index=profiles.index, columns=profiles.columns)
    for compartment in part["compartments"]:
        columns = [name for name in profiles.columns if types[name]["compartment"] == compartment]
        label = f"{stimulus} {compartment}"
        for axis, how in part["axes"].items():
            own = axes[axes["axis"] == axis]
            weight = own.drop_duplicates("gene").set_index("gene")["sign"].map({"+": 1.0, "-": -1.0})
            rank = uniform_by_name(seed, f"{label} responds", weight.index).argsort().argsort()
            responds = rank < round(how["responding"] * len(weight))
            size = how["log2"] + how["sd"] * normal_by_name(seed, f"{label} size", weight.index)
            change.loc[weight.index, columns] = (responds * weight * np.clip(size, 0, None)).to_numpy()[:, None]
        for gene, log2 in part["genes"].items():
            change.loc[gene, columns] = log2
    for cell_type, single in part.get("only", {}).items():
        for gene, log2 in single.items():
            change.loc[gene, cell_type] = log2
    return change


def _factors(design: Design, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return cells x genes factors of co-expression; loadings belong to the design, scores to the cell."""
    settings = design.parameters["single_cell"]
    names = design.genes.index
    loadings = np.stack([normal_by_name(0, f"factor {number}", names) for number in range(settings["factors"])])
    scores = rng.standard_normal((n_cells, settings["factors"]))
    return np.exp(settings["factor_sd"] * scores @ loadings)


def _scaled(rate: np.ndarray) -> np.ndarray:
    """Scale each row to a sum of one."""
    return rate / rate.sum(axis=1, keepdims=True)


def _with_mitochondria(
    mean: np.ndarray, mitochondrial: np.ndarray, share: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Give the mitochondrial genes ``share`` (one per row) of each row's total."""
    total = mean.sum(axis=1, keepdims=True)
    # The share varies from cell to cell; 400 is the precision of a beta distribution (sd about 0.012 at 0.06).
    share = rng.beta(400 * share, 400 * (1 - share), size=len(mean))[:, None]
    weight = 1.0 / np.arange(1, mitochondrial.sum() + 1)
    result = mean * (1 - share)
    result[:, mitochondrial] = share * total * (weight / weight.sum())
    return result
