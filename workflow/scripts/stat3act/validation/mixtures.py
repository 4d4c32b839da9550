"""Bulk mixtures of known composition with planted tumour and microenvironment activity.

Follows methods of the project's validation: tumours of the mixtures are left out of the reference, half of the targets
are silent, the response differs partly between compartments, latent factors correlate the genes, every gene has
its own noise, and the platform of the bulk differs from that of the reference.
"""

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


def mix(
    source: Reference,
    panel: pd.Series,
    n_samples: int,
    seed: int,
    *,
    strength: float = 0.8,
    rival: pd.Series | None = None,
    rival_strength: float = 0.8,
    purity: tuple[float, float] = (0.05, 0.95),
    depth: float = 2e7,
    noise: float = 0.3,
    factors: int = 10,
    platform: float = 0.5,
    silent: float = 0.5,
    redrawn: float = 0.5,
    on: tuple[np.ndarray, np.ndarray] | None = None,
) -> Mixtures:
    """Mix the tumour states of `source` with its microenvironment and plant activities.

    Activities are standard normal times `strength` (natural log per unit of response), or `on` times `strength`.
    """
    rng = np.random.default_rng(seed)
    genes = source.profiles.index
    n_genes = len(genes)
    states = source.profiles.to_numpy()
    tumour_states = states[:, source.is_tumour]
    rest_states = states[:, ~source.is_tumour]
    a, b = on if on is not None else (rng.standard_normal(n_samples), rng.standard_normal(n_samples))
    shares = rng.uniform(*purity, n_samples)
    effects = [np.zeros((n_samples, n_genes)) for _ in range(2)]
    for activity, effect, target in zip((a, b), effects, response(panel, silent, redrawn, rng), strict=True):
        at = genes.get_indexer(target.index)
        effect[:, at[at >= 0]] += strength * np.outer(activity, target.to_numpy()[at >= 0])
    if rival is not None:
        at = genes.get_indexer(rival.index)
        for effect in effects:
            strengths = rival_strength * rng.standard_normal(n_samples)
            effect[:, at[at >= 0]] += np.outer(strengths, rival.to_numpy()[at >= 0])
    shift = rng.normal(0, platform, n_genes)
    profiles = []
    for pool, effect, concentration in ((tumour_states, effects[0], 0.3), (rest_states, effects[1], 0.5)):
        weights = rng.dirichlet(np.full(pool.shape[1], concentration), n_samples)
        own = weights @ pool.T
        if factors:
            # Each gene listens to three of the factors, at random.
            loads = rng.standard_normal((factors, n_genes)) * (rng.random((factors, n_genes)) < 3 / factors)
            effect = effect + 0.3 * rng.standard_normal((n_samples, factors)) @ loads / np.sqrt(3)
        own = own * np.exp(effect + noise * rng.standard_normal((n_samples, n_genes)))
        profiles.append(own / own.sum(axis=1, keepdims=True))
    mixture = (shares[:, None] * profiles[0] + (1 - shares[:, None]) * profiles[1]) * np.exp(shift)
    counts = rng.poisson(mixture / mixture.sum(axis=1, keepdims=True) * depth).astype(np.float64)
    names = [f"S{number:04d}" for number in range(n_samples)]
    return Mixtures(
        pd.DataFrame(counts, index=names, columns=genes),
        pd.Series(shares, names),
        pd.Series(a, names),
        pd.Series(b, names),
        pd.DataFrame(profiles[0], index=names, columns=genes),
    )


def loadings(score: pd.Series, own: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Return the standardised coefficients of a score on its own truth and on the other compartment's (leak)."""
    columns = [(truth[score.index] - truth[score.index].mean()) / truth[score.index].std() for truth in (own, other)]
    design = np.column_stack([np.ones(len(score)), *columns])
    target = (score - score.mean()) / score.std()
    _, first, second = np.linalg.lstsq(design, target.to_numpy(), rcond=None)[0]
    return float(first), float(second)
