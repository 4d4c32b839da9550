"""Bulk mixtures of known composition with planted tumour and microenvironment activity.

Follows methods of the project's validation: tumours of the mixtures are left out of the reference, half of the targets
are silent, the response differs partly between compartments, latent factors correlate the genes, every gene has
its own noise, and the platform of the bulk differs from that of the reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stat3act.compartments.reference import Reference


@dataclass(frozen=True)
class Mixtures:
    """Bulk counts and what was planted in them."""

    linear: pd.DataFrame
    purity: pd.Series
    tumour: pd.Series
    microenvironment: pd.Series
    tumour_profiles: pd.DataFrame
    microenvironment_profiles: pd.DataFrame

    def with_linear(self, linear: pd.DataFrame) -> "Mixtures":
        """Return the same truth with other counts (fewer samples, another order)."""
        return replace(self, linear=linear)


def made_reference(n_genes: int = 1500, tumours: int = 6, lineages: int = 4, seed: int = 0) -> Reference:
    """Make a reference: tumours are variations of one profile, lineages differ more."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 1.5, n_genes)
    tumour = base + rng.normal(0, 1.2, n_genes)
    columns = {f"T{number}": tumour + rng.normal(0, 0.4, n_genes) for number in range(tumours)}
    columns |= {f"M{number}": base + rng.normal(0, 1.2, n_genes) for number in range(lineages)}
    profiles = np.exp(pd.DataFrame(columns, index=[f"G{number:04d}" for number in range(n_genes)]))
    states = pd.DataFrame(
        {
            "compartment": ["tumour"] * tumours + ["microenvironment"] * lineages,
            "lineage": [*columns][:tumours]
            + (["myeloid", "fibroblast", "lymphoid", "other", "endothelial"] * lineages)[:lineages],
            "n_cells": 0,
        },
        index=profiles.columns,
    )
    return Reference(profiles / profiles.sum(), states)


def hold_out(reference: Reference, seed: int) -> tuple[Reference, Reference]:
    """Split the tumour states in two halves; both keep the microenvironment."""
    rng = np.random.default_rng(seed)
    tumours = rng.permutation(reference.states.index[reference.is_tumour])
    half = len(tumours) // 2
    parts = []
    for out in (tumours[:half], tumours[half:]):
        keep = ~reference.states.index.isin(out)
        parts.append(Reference(reference.profiles.loc[:, keep], reference.states[keep]))
    return parts[0], parts[1]


def response(panel: pd.Series, silent: float, redrawn: float, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """Draw what each target does in tumour and in microenvironment when STAT3 goes on (times its sign)."""
    tumour = np.where(rng.random(len(panel)) < silent, 0.0, rng.uniform(0.5, 1.5, len(panel)))
    other = np.where(rng.random(len(panel)) < silent, 0.0, rng.uniform(0.5, 1.5, len(panel)))
    rest = np.where(rng.random(len(panel)) < redrawn, other, tumour)
    sign = np.sign(panel.to_numpy())
    return pd.Series(tumour * sign, panel.index), pd.Series(rest * sign, panel.index)


def draw_weights(states: int, n_samples: int, concentration: float, one: bool, rng: np.random.Generator) -> np.ndarray:
    """Draw how much of each state a sample's compartment holds: shares of all of them, or one state only.

    Parameters
    ----------
    states, n_samples
        How many there are.
    concentration
        Of the Dirichlet distribution of the shares; small numbers favour few states.
    one
        Take one state instead, every one as often as the others.
    rng
        Source of chance.

    Returns
    -------
    numpy.ndarray
        Samples x states, rows sum to 1.
    """
    if one:
        return np.eye(states)[rng.permutation(np.arange(n_samples) % states)]
    return rng.dirichlet(np.full(states, concentration), n_samples)


def pour(
    tumour: pd.DataFrame, rest: pd.DataFrame, purity: np.ndarray, depth: float, platform: float, seed: int
) -> Mixtures:
    """Mix given profiles of both compartments; nothing is planted (activities are missing).

    Parameters
    ----------
    tumour, rest
        Samples x genes, profile of each compartment.
    purity
        By sample.
    depth
        Mean number of reads.
    platform
        Standard deviation of the log shift of genes between bulk and reference.
    seed
        Source of chance.
    """
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, platform, tumour.shape[1])
    profiles = [part.div(part.sum(axis=1), axis=0) for part in (tumour, rest)]
    nothing = pd.Series(np.nan, tumour.index)
    counts = read_counts(*(part.to_numpy() for part in profiles), purity, shift, depth, rng)
    linear = pd.DataFrame(counts, index=tumour.index, columns=tumour.columns)
    return Mixtures(linear, pd.Series(purity, tumour.index), nothing, nothing, *profiles)


def read_counts(
    tumour: np.ndarray,
    rest: np.ndarray,
    purity: np.ndarray,
    shift: np.ndarray,
    depth: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the counts of mixtures of two profiles (samples x genes, rows sum to 1), genes shifted by the platform."""
    mixture = (purity[:, None] * tumour + (1 - purity[:, None]) * rest) * np.exp(shift)
    return rng.poisson(mixture / mixture.sum(axis=1, keepdims=True) * depth).astype(np.float64)


def change(own: np.ndarray, effect: np.ndarray, noise: float, factors: int, rng: np.random.Generator) -> np.ndarray:
    """Put planted effects (natural log), latent factors and gene noise on profiles; rows sum to 1 again."""
    n_samples, n_genes = own.shape
    if factors:
        # Each gene listens to three of the factors, at random.
        loads = rng.standard_normal((factors, n_genes)) * (rng.random((factors, n_genes)) < 3 / factors)
        effect = effect + 0.3 * rng.standard_normal((n_samples, factors)) @ loads / np.sqrt(3)
    own = own * np.exp(effect + noise * rng.standard_normal((n_samples, n_genes)))
    return own / own.sum(axis=1, keepdims=True)


def mix(
    source: Reference,
    panel: pd.Series,
    n_samples: int,
    seed: int,
    *,
    strength: float = 0.8,
    rival: pd.Series | None = None,
    rival_strength: float = 0.8,
    others: Sequence[tuple[pd.Series, np.ndarray]] = (),
    purity: tuple[float | np.ndarray, float | np.ndarray] = (0.05, 0.95),
    depth: float = 2e7,
    noise: float = 0.3,
    factors: int = 10,
    platform: float = 0.5,
    silent: float = 0.5,
    redrawn: float = 0.5,
    on: tuple[np.ndarray, np.ndarray] | None = None,
    one_patient: bool = False,
) -> Mixtures:
    """Mix the tumour states of `source` with its microenvironment and plant activities.

    Activities are standard normal times `strength` (natural log per unit of response), or `on` times `strength`.
    `others` are panels with what they move in tumour and microenvironment of each sample (samples x 2, natural log).
    `one_patient` gives every sample the tumour of one state instead of a mixture of them. `purity` is the range that
    purities are drawn from, one for all samples or one for each.
    """
    rng, genes, states = np.random.default_rng(seed), source.profiles.index, source.profiles.to_numpy()
    a, b = on if on is not None else (rng.standard_normal(n_samples), rng.standard_normal(n_samples))
    shares = rng.uniform(*purity, n_samples)
    effects = [np.zeros((n_samples, len(genes))) for _ in range(2)]
    moved = [
        (side, target, strength * activity)
        for side, (activity, target) in enumerate(zip((a, b), response(panel, silent, redrawn, rng), strict=True))
    ]
    if rival is not None:
        moved += [(side, rival, rival_strength * rng.standard_normal(n_samples)) for side in (0, 1)]
    moved += [(side, other, strengths[:, side]) for other, strengths in others for side in (0, 1)]
    for side, target, strengths in moved:
        at = genes.get_indexer(target.index)
        effects[side][:, at[at >= 0]] += np.outer(strengths, target.to_numpy()[at >= 0])
    shift = rng.normal(0, platform, len(genes))
    profiles = []
    for chosen, effect, concentration in ((source.is_tumour, effects[0], 0.3), (~source.is_tumour, effects[1], 0.5)):
        weights = draw_weights(chosen.sum(), n_samples, concentration, one_patient and not profiles, rng)
        profiles.append(change(weights @ states[:, chosen].T, effect, noise, factors, rng))
    counts = read_counts(*profiles, shares, shift, depth, rng)
    names = [f"S{number:04d}" for number in range(n_samples)]
    tables = [pd.DataFrame(part, index=names, columns=genes) for part in (counts, *profiles)]
    return Mixtures(tables[0], *(pd.Series(part, names) for part in (shares, a, b)), *tables[1:])


def loadings(score: pd.Series, own: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Return the standardised coefficients of a score on its own truth and on the other compartment's (leak)."""
    columns = [(truth[score.index] - truth[score.index].mean()) / truth[score.index].std() for truth in (own, other)]
    design = np.column_stack([np.ones(len(score)), *columns])
    target = (score - score.mean()) / score.std()
    _, first, second = np.linalg.lstsq(design, target.to_numpy(), rcond=None)[0]
    return float(first), float(second)
