"""pybayesprism, the port of BayesPrism on PyPI: an optional package, and slow, so that it gets small tasks.

It draws the reads of every gene in a loop, some microseconds per gene and iteration: with the defaults of 1,000
iterations and 15,000 genes, minutes per sample. Here it has 1,500 genes, 200 iterations and 30 samples.
"""

import contextlib
import importlib.util
import io
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bulk.baselines import attribution
from bulk.truth import own_score
from stat3act.compartments.genes_filter import MITOCHONDRIAL, RIBOSOMAL
from stat3act.compartments.mixture import expectation_maximisation
from stat3act.compartments.reference import Reference
from stat3act.validation.mixtures import mix

NAME = "pybayesprism"
GENES, SAMPLES, ITERATIONS = 1500, 30, 200
# So that a gene has as many reads as in a whole sample of 20 million.
DEPTH = 2e6
# Its reference is counts of cells; a state is one row of this many.
CELL_COUNTS = 1e7
CONTROL = {"chain.length": ITERATIONS, "burn.in": ITERATIONS // 2, "thinning": 2, "n.cores": 1, "seed": 123, "alpha": 1}


def installed() -> bool:
    """Tell whether the package can be imported."""
    return importlib.util.find_spec(NAME) is not None


def fewer_genes(references: Iterable[Reference], wanted: set[str], rng: np.random.Generator) -> list[Reference]:
    """Keep the wanted genes and others drawn at random among those that are expressed.

    Parameters
    ----------
    references
        References with the same genes.
    wanted
        Genes that are kept where they exist.
    rng
        Source of chance.

    Returns
    -------
    The references on `GENES` genes, columns scaled to sum to 1.
    """
    references = list(references)
    genes = references[0].profiles.index
    level = sum(part.profiles.max(axis=1) for part in references)
    usual = ~(genes.str.contains(MITOCHONDRIAL) | genes.str.contains(RIBOSOMAL))
    others = genes[(level.to_numpy() > 1e-5) & usual & ~genes.isin(wanted)]
    size = GENES - int(genes.isin(wanted).sum())
    chosen = genes.isin(wanted) | genes.isin(rng.choice(others, size, replace=False))
    return [Reference(part.profiles[chosen] / part.profiles[chosen].sum(), part.states) for part in references]


def attribute(linear: pd.DataFrame, reference: Reference) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Run the initial Gibbs sampling of BayesPrism, of which its attributed expression is the mean.

    Parameters
    ----------
    linear
        Samples x genes, counts.
    reference
        The reference.

    Returns
    -------
    Fractions (samples x states); attributed reads of tumour and of microenvironment (samples x genes).
    """
    from pybayesprism.gibbs import GibbsSampler
    from pybayesprism.prism import Prism

    cells = (reference.profiles.T * CELL_COUNTS).round().astype(int)
    types = list(reference.states["compartment"])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        prism = Prism.new(
            reference=cells,
            input_type="count.matrix",
            cell_type_labels=types,
            cell_state_labels=list(cells.index),
            key="tumour",
            mixture=linear.astype(int),
            outlier_cut=1.0,
        )
        sampler = GibbsSampler(reference=prism.phi_cellState, X=prism.mixture, gibbs_control=CONTROL)
        # The estimate of its own time would cost a part of what is timed.
        found = sampler.run(final=False, if_estimate=False)
    parts = []
    for compartment in ("tumour", "microenvironment"):
        states = [name for name, kind in zip(cells.index, types, strict=True) if kind == compartment]
        reads = found.Z.sel(cell_type=states).sum("cell_type").to_numpy()
        parts.append(pd.DataFrame(reads, index=linear.index, columns=prism.mixture.columns))
    return found.theta, parts


def scores(linear: pd.DataFrame, reference: Reference, axes: pd.DataFrame) -> dict[str, pd.Series]:
    """Purify with the package, then score: by compartment."""
    _, parts = attribute(linear, reference)
    return dict(zip(("tumour", "microenvironment"), (own_score(part, axes) for part in parts), strict=True))


@dataclass(frozen=True)
class Race:
    """Our fit and the package's on the same input.

    Attributes
    ----------
    title, samples
        What was fitted.
    seconds
        By method.
    difference
        Largest difference of the fractions of any state.
    correlation
        Correlation of the log attributed tumour expression, all samples and genes together.
    """

    title: str
    samples: int
    seconds: dict[str, float]
    difference: float
    correlation: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.seconds[NAME] / self.seconds["activity"]


def race(reference: Reference, samples: int = 8, seed: int = 0) -> Race:
    """Fit fractions and attribute expression with both, on mixtures of a reference's own states.

    Parameters
    ----------
    reference
        The reference; more than `GENES` genes are thinned out.
    samples
        Number of mixtures.
    seed
        Source of chance.
    """
    rng = np.random.default_rng(seed)
    if len(reference.profiles) > GENES:
        reference = fewer_genes([reference], set(), rng)[0]
    nothing = pd.Series(dtype=float)
    linear = mix(reference, nothing, samples, seed, strength=0.0, factors=0, depth=DEPTH).linear
    begun = time.perf_counter()
    genes = linear.columns[reference.profiles.loc[linear.columns].max(axis=1) > 0]
    phi = reference.profiles.loc[genes].to_numpy().T
    theta, _ = expectation_maximisation(linear[genes].to_numpy(), phi)
    own = attribution(linear[genes], reference, pd.DataFrame(theta, linear.index, reference.profiles.columns))[0]
    fitted = time.perf_counter()
    theirs, parts = attribute(linear, reference)
    ended = time.perf_counter()
    shared = own.columns.intersection(parts[0].columns)
    logs = [np.log(part[shared].to_numpy() + 0.5).ravel() for part in (own, parts[0])]
    difference = np.abs(theta - theirs[reference.profiles.columns].to_numpy()).max()
    states = reference.profiles.shape[1]
    return Race(
        f"{samples} samples x {len(reference.profiles):,} genes x {states} states, {ITERATIONS} iterations",
        samples,
        {"activity": fitted - begun, NAME: ended - fitted},
        float(difference),
        float(np.corrcoef(*logs)[0, 1]),
    )
