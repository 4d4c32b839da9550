"""Per-cell scores beside decoupler: time, peak memory and equality of values, in one run on one machine.

    .venv/bin/python benchmarks/score_cells.py                     50,000 cells x 15,000 genes, 10 % stored
    .venv/bin/python benchmarks/score_cells.py --cells 5000        a quick look
    .venv/bin/python benchmarks/score_cells.py --large             also 500,000 cells with 1e9 values from disk (8 GB)

The matrix is made by the command. Every line of the table runs in a process of its own: it loads the matrix, does one
small round to compile what is compiled at first use, and then takes the best time of up to three rounds (one where a
round takes long). Times leave out loading and imports. The peak is the whole process,
imports and loaded matrix with it; beside it stands what scoring added to what was held before.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

ROUNDS, PATIENCE = 3, 20
RIVALS = ["ifn_stat1", "nfkb", "hypoxia", "proliferation", "dissociation_stress"]
AXES = [*RIVALS, "stat3_core", "stat3_epithelial", "stat3_regulon"]
SETTINGS = {
    "rivals": RIVALS,
    "clip": 5.0,
    "min_scale": 0.5,
    "min_log2_cpm": 0.0,
    "min_targets": 10,
    "min_programme_targets": 4,
}
LARGE_CELLS, LARGE_GENES, LARGE_VALUES, LARGE_BLOCK = 500_000, 20_000, 2000, 5000
LARGE_GROUPS = 600


def gene_names(count: int) -> pd.Index:
    """Name the genes."""
    return pd.Index([f"G{number:05d}" for number in range(count)])


def write_csr(handle: h5py.File, shape: tuple[int, int], blocks) -> None:
    """Write blocks of rows (counts per row, indices, values) as the CSR matrix of an h5ad, uncompressed."""
    group = handle.create_group("X")
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
    data = group.create_dataset("data", (0,), np.float32, maxshape=(None,), chunks=(1 << 20,))
    indices = group.create_dataset("indices", (0,), np.int32, maxshape=(None,), chunks=(1 << 20,))
    lengths = []
    for length, columns, values in blocks:
        end = len(data)
        data.resize((end + len(values),))
        indices.resize((end + len(values),))
        data[end:], indices[end:] = values, columns
        lengths.append(length)
    group["indptr"] = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)


def count_blocks(cells: int, genes: int, density: float, seed: int):
    """Simulate counts: genes differ in detection, the more detected the higher."""
    rng = np.random.default_rng(seed)
    detection = rng.beta(0.5, 0.5 / density - 0.5, genes).astype(np.float32)
    for start in range(0, cells, 2000):
        stored = rng.random((min(2000, cells - start), genes), dtype=np.float32) < detection
        columns = np.nonzero(stored)[1].astype(np.int32)
        values = 1 + rng.poisson(2 * detection[columns] ** 2)
        yield stored.sum(axis=1), columns, values.astype(np.float32)


def log_normalised_blocks(blocks):
    """Turn blocks of counts into log(1 + counts per 10,000)."""
    for length, columns, values in blocks:
        total = np.add.reduceat(values.astype(float), np.concatenate([[0], np.cumsum(length)[:-1]]))
        yield length, columns, np.log1p(values * np.repeat(1e4 / total, length)).astype(np.float32)


def large_blocks(seed: int):
    """Simulate a large sample: one block of cells, its genes rotated from block to block."""
    rng = np.random.default_rng(seed)
    columns = np.stack([np.sort(rng.choice(LARGE_GENES, LARGE_VALUES, replace=False)) for _ in range(LARGE_BLOCK)])
    values = (1 + rng.poisson(0.8, columns.shape)).astype(np.float32)
    length = np.full(LARGE_BLOCK, LARGE_VALUES)
    for block in range(LARGE_CELLS // LARGE_BLOCK):
        yield length, ((columns + 17 * block) % LARGE_GENES).ravel().astype(np.int32), values.ravel()


def networks(genes: int, seed: int) -> dict[str, pd.DataFrame]:
    """Make one regulon of 200 targets, 700 with 41,300 links in all, and the axes."""
    rng = np.random.default_rng(seed)
    names = gene_names(genes)

    def table(sizes):
        rows = [
            (source, gene, weight)
            for source, size in sizes.items()
            for gene, weight in zip(
                rng.choice(names, size, replace=False), rng.choice([1.0, 1.0, -1.0], size), strict=True
            )
        ]
        return pd.DataFrame(rows, columns=["source", "target", "weight"])

    return {
        "one": table({"stat3": min(200, genes // 5)}),
        "many": table({f"tf{number:03d}": 59 for number in range(700)}),
        "axes": table(dict.fromkeys(AXES, 40)),
    }


def load(folder: Path, name: str) -> sparse.csr_matrix:
    """Read a matrix whole."""
    with h5py.File(folder / f"{name}.h5ad") as handle:
        x = handle["X"]
        return sparse.csr_matrix((x["data"][:], x["indices"][:], x["indptr"][:]), shape=tuple(x.attrs["shape"]))


def weights_of(net: pd.DataFrame, names: pd.Index) -> sparse.csr_array:
    """Bring a network into genes x sources."""
    source, _ = pd.factorize(net["source"], sort=True)
    place = names.get_indexer(net["target"]), source
    return sparse.csr_array((net["weight"].to_numpy(), place), shape=(len(names), source.max() + 1))


def current_gb() -> float:
    """Return the memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**3


def ours_ulm(folder: Path, net: str, matrix: str, on_disk: bool) -> Callable:
    """Score by `ulm_cells`; values that are log-normalised already are taken as they are."""
    from stat3act.activity import cells, chunks

    target = cells.TARGET_TOTAL if matrix == "counts" else 0.0
    handle = h5py.File(folder / f"{matrix}.h5ad")
    source = chunks.from_h5ad(handle, matrix) if on_disk else chunks.from_matrix(load(folder, matrix))
    weights = weights_of(pd.read_csv(folder / f"{net}.csv"), gene_names(source.shape[1]))
    small = sparse.random(50, weights.shape[0], 0.1, format="csr", dtype=np.float32, rng=1)
    cells.ulm_cells(chunks.from_matrix(small), weights, target)
    return lambda: cells.ulm_cells(source, weights, target)


def ours_axes(folder: Path, axes: list[str], matrix: str, on_disk: bool, groups: int, threads: int) -> Callable:
    """Score by `score_cells`: score, activity and its null, with pseudobulk where groups are asked for."""
    from stat3act.activity import cells, chunks

    handle = h5py.File(folder / f"{matrix}.h5ad")
    source = chunks.from_h5ad(handle, matrix) if on_disk else chunks.from_matrix(load(folder, matrix))
    count, names = source.shape[0], gene_names(source.shape[1])
    net = pd.read_csv(folder / "axes.csv").rename(columns={"source": "axis", "target": "gene"})
    table = net[net["axis"].isin(axes)].assign(panel="own", compartments="all")
    rng = np.random.default_rng(1)

    def score(cells_source, number):
        group = np.arange(number) % groups if groups else None
        return cells.score_cells(
            cells_source, names, np.full(number, "tumour"), table, SETTINGS, groups=group, threads=threads
        ).score

    score(chunks.from_matrix(sparse.csr_matrix(rng.poisson(0.5, (50, len(names))).astype(np.float32))), 50)
    return lambda: score(source, count)


def decoupler_method(folder: Path, method: str, net: str) -> Callable:
    """Score by a method of decoupler on the log-normalised matrix in memory."""
    import anndata as ad
    import decoupler as dc

    matrix = load(folder, "log_normalised")
    var = pd.DataFrame(index=gene_names(matrix.shape[1]))
    network = pd.read_csv(folder / f"{net}.csv")
    run = getattr(dc.mt, method)

    def score(rows):
        adata = ad.AnnData(matrix[:rows] if rows < matrix.shape[0] else matrix, var=var)
        run(adata, network, tmin=3, bsize=5000)
        return adata.obsm[f"score_{method}"]

    score(100)
    return lambda: score(matrix.shape[0]).sort_index(axis=1).to_numpy()


CASES = {
    "ours: ulm, 1 regulon": lambda at: ours_ulm(at, "one", "log_normalised", on_disk=False),
    "ours: ulm, 1 regulon, from disk": lambda at: ours_ulm(at, "one", "log_normalised", on_disk=True),
    "ours: ulm, 1 regulon, from counts": lambda at: ours_ulm(at, "one", "counts", on_disk=False),
    "decoupler: ulm, 1 regulon": lambda at: decoupler_method(at, "ulm", "one"),
    "ours: ulm, 700 regulons": lambda at: ours_ulm(at, "many", "log_normalised", on_disk=False),
    "ours: ulm, 700 regulons, from disk": lambda at: ours_ulm(at, "many", "log_normalised", on_disk=True),
    "decoupler: ulm, 700 regulons": lambda at: decoupler_method(at, "ulm", "many"),
    "ours: one axis with null": lambda at: ours_axes(at, ["stat3_core"], "counts", False, groups=0, threads=1),
    "ours: 8 axes with null": lambda at: ours_axes(at, AXES, "counts", False, groups=0, threads=1),
    "ours: 8 axes with null, from disk": lambda at: ours_axes(at, AXES, "counts", True, groups=0, threads=1),
    "decoupler: mlm, 8 axes": lambda at: decoupler_method(at, "mlm", "axes"),
    "decoupler: ulm, 8 axes": lambda at: decoupler_method(at, "ulm", "axes"),
    "decoupler: aucell, 8 axes": lambda at: decoupler_method(at, "aucell", "axes"),
}
LARGE_CASES = {
    "ours: 500,000 cells, 1e9 values, 8 axes with null, pseudobulk, from disk, read ahead": lambda at: ours_axes(
        at, AXES, "large", True, groups=LARGE_GROUPS, threads=2
    ),
    "ours: the same in one thread": lambda at: ours_axes(at, AXES, "large", True, groups=LARGE_GROUPS, threads=1),
}


def run_case(folder: Path, name: str) -> None:
    """Run one line of the table in this process and leave its figures and values in the folder."""
    prepared = (CASES | LARGE_CASES)[name](folder)
    seconds, values, before = [], None, current_gb()
    while len(seconds) < ROUNDS and sum(seconds) < PATIENCE:
        values = None
        start = time.perf_counter()
        values = prepared()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    if name not in LARGE_CASES:
        np.save(folder / "values.npy", values)
    figures = {"s": min(seconds), "rounds": len(seconds), "peak_gb": peak, "added_gb": max(0.0, peak - before)}
    (folder / "figures.json").write_text(json.dumps(figures))


def measure(folder: Path, names) -> pd.DataFrame:
    """Run lines of the table one after the other, each in its own process; keep the values for comparison."""
    rows = []
    for number, name in enumerate(names):
        print(f"  {name} ...", end="", flush=True, file=sys.stderr)
        command = [sys.executable, __file__, "--case", name, "--folder", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures = json.loads((folder / "figures.json").read_text())
        print(f" {figures['s']:.2f} s, {figures['peak_gb']:.2f} GB", file=sys.stderr)
        if (folder / "values.npy").exists():
            (folder / "values.npy").rename(folder / f"values_{number}.npy")
        rows.append({"case": name, "file": folder / f"values_{number}.npy", **figures})
    return pd.DataFrame(rows).set_index("case")


def difference(table: pd.DataFrame, ours: str, theirs: str) -> float:
    """Return the largest difference between the values of two lines, relative to values above one."""
    left, right = (np.load(table.loc[name, "file"]).astype(float) for name in (ours, theirs))
    return float((np.abs(left - right) / np.maximum(1, np.abs(right))).max())


def report(table: pd.DataFrame) -> str:
    """Write the lines and what they mean against the goals."""
    lines = ["| what | s | rounds | peak GB | of it during scoring |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {row.s:.2f} | {row.rounds} | {row.peak_gb:.2f} | {row.added_gb:.2f} |"
        for name, row in table.iterrows()
    ]
    lines += ["", "| goal | found | met |", "|---|---|---|"]

    def goal(text, found, met):
        lines.append(f"| {text} | {found} | {'yes' if met else 'no'} |")

    s, gb = table["s"], table["peak_gb"]
    for count, factor in (("1 regulon", 40), ("700 regulons", 5)):
        ours, theirs = f"ours: ulm, {count}", f"decoupler: ulm, {count}"
        ratio, wide = s[theirs] / s[ours], difference(table, ours, theirs)
        goal(f"{count}: {factor} x as fast as decoupler's ulm", f"{ratio:.0f} x", ratio >= factor)
        for name in (ours, f"{ours}, from disk"):
            share = gb[name] / gb[theirs]
            goal(f"{name}: a quarter of the peak memory", f"{share:.2f}", share <= 0.25)
        added = table.loc[ours, "added_gb"] / table.loc[theirs, "added_gb"]
        goal(f"{ours}: a quarter of the memory beyond the loaded matrix", f"{added:.2f}", added <= 0.25)
        goal(f"{count}: values equal to 1e-6", f"{wide:.1e}", wide <= 1e-6)
    plain, full = s["ours: ulm, 1 regulon, from counts"], s["ours: one axis with null"]
    goal(
        "the null of all cells costs less than two plain passes",
        f"{(full - plain) / plain:.2f} passes",
        full - plain < 2 * plain,
    )
    wide = difference(table, "ours: 8 axes with null", "decoupler: ulm, 8 axes")
    goal("8 axes: values of ulm equal to 1e-6", f"{wide:.1e}", wide <= 1e-6)
    for method in ("mlm", "ulm", "aucell"):
        ratio = s[f"decoupler: {method}, 8 axes"] / s["ours: 8 axes with null"]
        lines.append(f"| 8 axes with null beside decoupler's {method} | {ratio:.0f} x | |")
    for name in LARGE_CASES:
        if name in table.index:
            goal(f"{name}: under 40 s", f"{s[name]:.1f} s", s[name] < 40)
            goal(f"{name}: under 1 GB", f"{gb[name]:.2f} GB", gb[name] < 1)
    return "\n".join(lines)


def main() -> None:
    """Make the data, run every line, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--genes", type=int, default=15_000)
    parser.add_argument("--density", type=float, default=0.1)
    parser.add_argument("--large", action="store_true", help="also 500,000 cells from disk; needs 10 GB of disk")
    parser.add_argument("--folder", type=Path, help="where the temporary files go")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        run_case(given.folder, given.case)
        return
    folder = Path(tempfile.mkdtemp(prefix="score_cells.", dir=given.folder))
    try:
        if given.large and shutil.disk_usage(folder).free < 12e9:
            raise SystemExit(f"--large needs 12 GB of free disk in {folder.parent}")
        shape = (given.cells, given.genes)
        for name, wrap in (("counts", iter), ("log_normalised", log_normalised_blocks)):
            with h5py.File(folder / f"{name}.h5ad", "w") as handle:
                write_csr(handle, shape, wrap(count_blocks(*shape, given.density, seed=1)))
        for name, net in networks(given.genes, seed=2).items():
            net.to_csv(folder / f"{name}.csv", index=False)
        table = measure(folder, CASES)
        if given.large:
            with h5py.File(folder / "large.h5ad", "w") as handle:
                write_csr(handle, (LARGE_CELLS, LARGE_GENES), large_blocks(seed=3))
            networks(LARGE_GENES, seed=2)["axes"].to_csv(folder / "axes.csv", index=False)
            table = pd.concat([table, measure(folder, LARGE_CASES)])
        print(f"{given.cells} cells x {given.genes} genes, {given.density:.0%} stored\n\n{report(table)}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
