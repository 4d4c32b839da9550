"""Many single cells made of the real ones of a marrow cohort, written to disk as they are made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import yaml
from scipy import sparse

AML = Path("single_cell/aml_vangalen_D0_multi_patient.h5ad")
SAMPLE, CELL_TYPE, LABEL = "sample", "CellType", "malignant"
SEED = 20260
# Values per chunk of the file, as h5py chooses them for files of this size or smaller ones.
CHUNK = 1 << 16


@dataclass(frozen=True)
class Part:
    """Cells of one sample that is made.

    Attributes
    ----------
    name
        Of the sample.
    counts
        Cells x genes, CSR float32.
    obs
        Sample, cell type and malignant label.
    """

    name: str
    counts: sparse.csr_matrix
    obs: pd.DataFrame


def draw_cells(
    counts: sparse.csr_matrix, types: np.ndarray, number: int, rng: np.random.Generator
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Make new cells of real ones of one sample.

    Two cells of the same type are drawn with replacement and added; half of their counts are kept at random (binomial
    thinning). So a new cell has the depth of its parents, a cell's noise, and is no copy of either.

    Parameters
    ----------
    counts
        Real cells x genes, whole numbers.
    types
        Type of each real cell.
    number
        How many are wanted.
    rng
        Source of chance.

    Returns
    -------
    New cells x genes (CSR float32), and the first parent of each.
    """
    order = np.argsort(types, kind="stable")
    _, first_of, size_of = np.unique(types[order], return_index=True, return_counts=True)
    kind = np.unique(types, return_inverse=True)[1]
    one = rng.integers(len(types), size=number)
    other = order[first_of[kind[one]] + (rng.random(number) * size_of[kind[one]]).astype(int)]
    both = sparse.csr_matrix(counts[one] + counts[other])
    both.data = rng.binomial(both.data.astype(np.int64), 0.5).astype(np.float32)
    both.eliminate_zeros()
    both.sort_indices()
    return both, one


def make_samples(data: Path, samples: int, cells: int) -> Iterator[Part]:
    """Make samples of equal size, each of the cells of one real sample in turn.

    Parameters
    ----------
    data
        Folder of the public data.
    samples, cells
        How many samples, and cells in each.
    """
    real = ad.read_h5ad(data / AML)
    names = sorted(real.obs[SAMPLE].astype(str).unique())
    for number in range(samples):
        part = real[(real.obs[SAMPLE] == names[number % len(names)]).to_numpy()]
        counts, parents = draw_cells(
            sparse.csr_matrix(part.X),
            part.obs[CELL_TYPE].to_numpy(str),
            cells,
            np.random.default_rng([SEED, number]),
        )
        name = f"S{number + 1:04d}"
        obs = part.obs[[CELL_TYPE, LABEL]].astype(str).iloc[parents].assign(**{SAMPLE: name})
        yield Part(name, counts, obs.set_axis([f"{name}-{place}" for place in range(cells)]))


def write_together(parts: Iterator[Part], var: pd.DataFrame, file: Path) -> None:
    """Write all samples into one h5ad, one after the other, never more than one of them in memory."""
    lengths, obs = [], []
    with h5py.File(file, "w") as handle:
        group = handle.create_group("X")
        kept = {"maxshape": (None,), "chunks": (CHUNK,), "compression": "gzip", "compression_opts": 1}
        values = group.create_dataset("data", (0,), np.float32, **kept)
        columns = group.create_dataset("indices", (0,), np.int32, **kept)
        for part in parts:
            end, more = len(values), part.counts.nnz
            values.resize((end + more,))
            columns.resize((end + more,))
            values[end:], columns[end:] = part.counts.data, part.counts.indices
            lengths.append(np.diff(part.counts.indptr))
            obs.append(part.obs)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths), dtype=np.int64)])
        group.create_dataset("indptr", data=indptr, compression="gzip")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        group.attrs["shape"] = np.array([len(indptr) - 1, len(var)])
        frames = pd.concat(obs).astype("category")
        for key, frame in {"obs": frames, "var": var}.items():
            ad.io.write_elem(handle, key, frame)
        handle.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})


def write_apart(parts: Iterator[Part], var: pd.DataFrame, folder: Path) -> None:
    """Write every sample into a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        one = ad.AnnData(part.counts, obs=part.obs, var=var)
        one.write_h5ad(folder / f"{part.name}.h5ad", compression="gzip", compression_opts=1)


def write_cohort(data: Path, project: Path, folder: Path, samples: int, cells: int, apart: bool) -> Path:
    """Write a cohort that Snakemake can run: its cells (once), its sheet and its configuration.

    Parameters
    ----------
    data
        Folder of the public data.
    project
        Root of the workflow, whose configuration of the marrow cohort is taken.
    folder
        Where everything goes.
    samples, cells
        How many samples, and cells in each.
    apart
        One file per sample instead of one of all.

    Returns
    -------
    The configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "written"
    if not done.exists():
        var = ad.read_h5ad(data / AML, backed="r").var
        parts = make_samples(data, samples, cells)
        if apart:
            write_apart(parts, var, folder / "cells")
        else:
            write_together(parts, var, folder / "cells.h5ad")
        done.touch()
    config = yaml.safe_load((project / "config/cohorts/aml_vangalen/config.yaml").read_text())
    names = [f"S{number + 1:04d}" for number in range(samples)]
    paths = [f"cells/{name}.h5ad" if apart else "cells.h5ad" for name in names]
    sheet = pd.DataFrame({"sample": names, "patient": names, "path": paths})
    sheet.to_csv(folder / "samples.tsv", sep="\t", index=False)
    config |= {"cohort": "large", "samples": "samples.tsv", "data_dir": "."}
    config["expression"]["sample_key"] = None if apart else SAMPLE
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"
