"""Small matrices, files and a small gene table for the tests of the expression stage."""

import gzip
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

GENES = pd.DataFrame(
    [
        # symbol, entrez, ensembl, aliases, chromosome, start, end, arm
        ("STAT3", "6774", "ENSG00000168610", "APRF;HIES", "chr17", "42313323", "42388442", "17q"),
        ("SOCS3", "9021", "ENSG00000184557", "CIS3;SSI3", "chr17", "78356780", "78360925", "17q"),
        ("KMT2D", "8085", "ENSG00000167548", "MLL2;MLL4", "chr12", "49018974", "49060794", "12q"),
        ("KMT2B", "9757", "ENSG00000272333", "MLL4;TRX2", "chr19", "35718018", "35738878", "19q"),
        ("SHOX", "6473", "ENSG00000185960", "SS", "chrX", "624343", "659411", "Xp"),
        # A symbol that is another gene's alias too: TRX2 of KMT2B is an alias, IRF1 of IRFX a current symbol.
        ("IRF1", "3659", "ENSG00000125347", "MAR", "chr5", "132481608", "132490777", "5q"),
        ("IRFX", "99", "", "IRF1", "", "", "", ""),
        ("C1orf112", "55732", "ENSG00000000460", "", "chr1", "169662006", "169854080", "1q"),
        ("MT-CO1", "4512", "ENSG00000198804", "COX1;MT-COX1", "", "", "", ""),
        ("GAPDH", "2597", "ENSG00000111640", "G3PD", "chr12", "6534516", "6538371", "12p"),
    ],
    columns=["symbol", "entrez", "ensembl", "aliases", "chromosome", "start", "end", "arm"],
)


def table_of(symbols: list[str]) -> pd.DataFrame:
    """Return a gene table of these symbols, each with an Ensembl id that holds its number and a position."""
    count = len(symbols)
    return pd.DataFrame(
        {
            "symbol": symbols,
            "entrez": [str(900000 + number) for number in range(count)],
            "ensembl": [f"ENSG{number:011d}" for number in range(count)],
            "aliases": [""] * count,
            "chromosome": ["chr1"] * count,
            "start": [str(1000 * number + 1) for number in range(count)],
            "end": [str(1000 * number + 500) for number in range(count)],
            "arm": ["1p"] * count,
        }
    )


def symbols_of(count: int, mitochondrial: int = 5) -> list[str]:
    """Return invented symbols, the first of them mitochondrial."""
    return [f"MT-X{number}" if number < mitochondrial else f"GENE{number}" for number in range(count)]


def counts_of(cells: int, genes: int, seed: int = 1, depth: float = 1500.0) -> sparse.csr_matrix:
    """Return counts of cells of one type, about ``depth`` per cell."""
    rng = np.random.default_rng(seed)
    profile = rng.gamma(0.7, size=genes)
    sizes = depth * rng.lognormal(0, 0.15, size=cells)
    return sparse.csr_matrix(rng.poisson(np.outer(sizes, profile / profile.sum())).astype(np.float32))


SETTINGS = {
    "scale": "counts",
    "sample_key": None,
    "layer": None,
    "gene_column": None,
    "cell_type_key": None,
    "malignant_key": None,
    "mutation_key": None,
    "seed": 20181,
    "qc": {
        "min_counts": 500,
        "min_genes": 50,
        "max_mitochondrial_percent": 25,
        "mads": 5,
        "mitochondrial_mads": 5,
        "min_cells": 20,
    },
    "doublets": {"method": "none", "expected_rate": 0.06, "min_cells": 100, "max_rate": 0.25},
}


def two_samples(cells: int = 60, genes: int = 200) -> ad.AnnData:
    """Return an AnnData of two interleaved samples, ``S1`` and ``S2``, with labels."""
    values = counts_of(cells, genes)
    obs = pd.DataFrame(
        {
            "patient": pd.Categorical(["S1", "S2"] * (cells // 2)),
            "type": pd.Categorical((["T", "Mono", None] * cells)[:cells]),
            "dead": ["yes", "no"] * (cells // 2),
        },
        index=[f"cell{number}" for number in range(cells)],
    )
    return ad.AnnData(values, obs=obs, var=pd.DataFrame(index=symbols_of(genes)))


def write_tenx_folder(
    folder: Path, values: sparse.csr_matrix, symbols: list[str], compressed: bool, antibody: bool = False
) -> None:
    """Write cells x genes as Cell Ranger 3 does, or uncompressed as version 2 and STARsolo do."""
    folder.mkdir(parents=True)
    opener, end = (gzip.open, ".gz") if compressed else (open, "")
    matrix = sparse.coo_matrix(values.T)
    features = [f"ENSG{number:011d}\t{name}\tGene Expression" for number, name in enumerate(symbols)]
    if antibody:
        features.append("CD3_TotalSeqC\tCD3\tAntibody Capture")
        matrix = sparse.vstack([matrix, np.full((1, values.shape[0]), 7)]).tocoo()
    lines = ["%%MatrixMarket matrix coordinate integer general", "%metadata: {}"]
    lines.append(f"{matrix.shape[0]} {matrix.shape[1]} {matrix.nnz}")
    triplets = zip(matrix.row, matrix.col, matrix.data, strict=True)
    lines += [f"{row + 1} {column + 1} {int(value)}" for row, column, value in triplets]
    barcodes = [f"AAAC{number:04d}-1" for number in range(values.shape[0])]
    name = "features.tsv" if compressed else "genes.tsv"
    for part, content in (("matrix.mtx", lines), (name, features), ("barcodes.tsv", barcodes)):
        with opener(folder / f"{part}{end}", "wt") as handle:
            handle.write("\n".join(content) + "\n")


def write_tenx_h5(path: Path, values: sparse.csr_matrix, symbols: list[str]) -> None:
    """Write cells x genes as Cell Ranger 3 does."""
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        # Cell Ranger's matrix is features x barcodes in CSC, whose arrays are those of barcodes x features in CSR.
        group["data"], group["indices"] = values.data.astype(np.int32), values.indices.astype(np.int64)
        group["indptr"], group["shape"] = values.indptr.astype(np.int64), np.array(values.shape[::-1], dtype=np.int32)
        group["barcodes"] = np.array([f"AAAC{number:04d}-1" for number in range(values.shape[0])], dtype="S")
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{number:011d}" for number in range(len(symbols))], dtype="S")
        features["name"] = np.array(symbols, dtype="S")
        features["feature_type"] = np.array(["Gene Expression"] * len(symbols), dtype="S")
        features["genome"] = np.array(["GRCh38"] * len(symbols), dtype="S")
