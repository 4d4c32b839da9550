"""Wrong files that are no text, made when a test asks for them."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from bad_inputs.good_cohorts import GENES, SAMPLES, as_sparse, cells_of
from expression_example import write_tenx_folder, write_tenx_h5

BUILDERS: dict[str, Callable[[Path], None]] = {}


def builder(make: Callable[[Path], None]) -> Callable[[Path], None]:
    BUILDERS[make.__name__] = make
    return make


def edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def write_cells(path: Path, change: Callable[[ad.AnnData], None], **size) -> None:
    adata = cells_of(**size)
    change(adata)
    adata.write_h5ad(path)


def renamed(names: list[str]) -> Callable[[ad.AnnData], None]:
    def change(adata: ad.AnnData) -> None:
        adata.var_names = names

    return change


@builder
def one_cell_of_s2(path):
    adata = cells_of()
    adata.obs["donor"] = pd.Categorical(["S2"] + ["S1"] * 59)
    adata.write_h5ad(path)


@builder
def no_cells(path):
    cells_of()[:0].copy().write_h5ad(path)


@builder
def no_x(path):
    edit(path, lambda file: file.__delitem__("X"))


@builder
def no_obs(path):
    edit(path, lambda file: file.__delitem__("obs"))


@builder
def obs_without_its_index(path):
    edit(path, lambda file: file["obs"].__delitem__("_index"))


@builder
def codes_beyond_the_categories(path):
    def change(file):
        file["obs/donor/codes"][3] = 99

    edit(path, change)


@builder
def text_in_x(path):
    def change(file):
        del file["X"]
        file["X"] = np.full((60, 600), b"1", dtype="S1")

    edit(path, change)


@builder
def pickled_objects_in_x(path):
    def change(file):
        del file["X"]
        # What numpy objects become in HDF5: opaque bytes, here of a pickle that would run a command.
        content = pickle.dumps(Evil())
        file["X"] = np.full((60, 600), np.void(content.ljust(64, b"\0")))

    edit(path, change)


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


@builder
def evil_pickle(path):
    path.write_bytes(pickle.dumps({"Model": Evil(), "Scaler_": Evil()}, 4))


@builder
def plain_dictionary(path):
    path.write_bytes(pickle.dumps({"a": 1}, 4))


@builder
def fewer_rows_in_x(path):
    def change(file):
        del file["X"]
        file["X"] = np.ones((50, 600), dtype=np.float32)

    edit(path, change)


@builder
def positions_outside_of_x(path):
    def make_sparse(adata):
        adata.X = sparse.csr_matrix(adata.X)

    write_cells(path, make_sparse)

    def change(file):
        file["X/indices"][5] = 1_000_000

    edit(path, change)


@builder
def negative_values(path):
    def change(adata):
        adata.X[4, 7] = -3

    write_cells(path, change)


@builder
def logarithms(path):
    def change(adata):
        adata.X = np.log1p(adata.X / adata.X.sum(axis=1, keepdims=True) * 1e4)

    write_cells(path, change)


@builder
def counts_in_a_layer(path):
    def change(adata):
        adata.layers["counts"] = adata.X.copy()
        adata.X = np.log1p(adata.X)

    write_cells(path, change)


@builder
def a_missing_value_in_the_last_row(path):
    def change(adata):
        adata.X[-1, 3] = np.nan

    write_cells(path, change, count=1400)


@builder
def huge_values(path):
    def change(adata):
        adata.X[0, :2] = 3e38

    write_cells(path, change)


@builder
def mouse_genes(path):
    write_cells(path, renamed([gene.capitalize() for gene in GENES[:600]]))


@builder
def versioned_ensembl(path):
    table = pd.read_csv(Path(__file__).parents[2] / "resources/genes/genes.tsv", sep="\t", dtype=str)
    ids = table.loc[table["ensembl"].notna() & ~table["ensembl"].str.contains(";", na=True), "ensembl"]
    write_cells(path, renamed([f"{name}.{number % 17}" for number, name in enumerate(ids[:600])]))


@builder
def cells_twice(path):
    def change(adata):
        adata.obs_names = ["same"] * 4 + list(adata.obs_names[4:])

    write_cells(path, change)


@builder
def a_label_nobody_claims(path):
    def change(adata):
        adata.obs["kind"] = ["T", "Mono", "Mast"] * 20

    write_cells(path, change)


@builder
def malignant_in_capitals(path):
    def change(adata):
        adata.obs["cancer"] = ["Malignant", "Healthy"] * 30

    write_cells(path, change)


@builder
def only_small_cells(path):
    def change(adata):
        adata.X = (np.arange(600) < 120).astype(np.float32) * np.ones((60, 1), dtype=np.float32)

    write_cells(path, change)


@builder
def bulk_h5ad(path):
    values = np.random.default_rng(0).negative_binomial(2, 0.01, (10, 900)).astype(np.float32)
    ad.AnnData(values, pd.DataFrame(index=SAMPLES), pd.DataFrame(index=GENES[:900])).write_h5ad(path)


@builder
def tenx_of_mouse(path):
    write_tenx_h5(path, as_sparse(cells_of(40)), GENES[:600])

    def change(file):
        file["matrix/features/id"][:] = [f"ENSMUSG{number:011d}".encode()[:15] for number in range(600)]
        file["matrix/features/name"][:] = [gene.capitalize().encode() for gene in GENES[:600]]

    edit(path, change)


@builder
def tenx_without_its_values(path):
    edit(path, lambda file: file["matrix"].__delitem__("data"))


@builder
def tenx_with_positions_outside(path):
    def change(file):
        file["matrix/indices"][5] = 1_000_000

    edit(path, change)


@builder
def three_cells(path):
    write_tenx_folder(path, as_sparse(cells_of(3)), GENES[:600], compressed=True)


@builder
def antibodies_only(path):
    text = path.read_text().replace("Gene Expression", "Antibody Capture")
    path.write_text(text)


def bulk_values(rows: int = 900) -> pd.DataFrame:
    values = np.random.default_rng(0).negative_binomial(2, 0.01, (rows, 10))
    return pd.DataFrame(values, index=pd.Index(GENES[:rows], name="gene"), columns=SAMPLES)


def parquet(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda path: change(bulk_values()).to_parquet(path)


def text(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda path: change(bulk_values()).to_csv(path, sep="\t")


def transcripts_per_million(table: pd.DataFrame) -> pd.DataFrame:
    values = np.random.default_rng(1).gamma(0.3, 1, table.shape)
    return (table * 0 + values / values.sum(axis=0) * 1e6).round(4)


BUILDERS |= {
    "parquet": parquet(lambda table: table),
    "parquet_of_dates": parquet(lambda table: table.assign(S3=pd.Timestamp("2024-01-01"))),
    "parquet_of_lists": parquet(lambda table: table.assign(S3=[[1, 2]] * len(table))),
    "parquet_of_text": parquet(lambda table: table.assign(S3="many")),
    "tpm": text(transcripts_per_million),
    "log2_tpm": text(lambda table: np.log2(transcripts_per_million(table) + 1).round(4)),
    "ratios": text(lambda table: table * 0 + np.random.default_rng(2).normal(0, 1, table.shape).round(4)),
    "mouse_matrix": text(lambda table: table.rename(str.capitalize)),
    "probes": text(lambda table: table.set_axis([f"{number}_at" for number in range(len(table))])),
    "transcripts": text(lambda table: table.set_axis([f"ENST{number:011d}.2" for number in range(len(table))])),
    "numbered_rows": text(lambda table: table.reset_index(drop=True)),
    "truth_values": text(lambda table: table.assign(S3=table["S3"] > 100)),
    "other_genes": text(lambda table: table.set_axis(GENES[2000:2900])),
    "reference_of_logs": lambda path: (
        np.log1p(pd.read_csv(path, sep="\t", index_col=0)).round(3).to_csv(path, sep="\t")
    ),
    "profiles_without_genes": lambda path: pd.read_parquet(path).reset_index(drop=True).to_parquet(path),
    "profiles_with_a_gene_column": lambda path: pd.read_parquet(path).reset_index().to_parquet(path),
    "other_profiles": lambda path: pd.read_parquet(path).set_axis(GENES[5000:5900]).to_parquet(path),
}


def lines_changed(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda path: path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


BUILDERS |= {
    "a_comment_first": lines_changed(lambda lines: ["# made by a quantifier\n", *lines]),
    "a_long_row": lines_changed(lambda lines: [*lines[:400], lines[400].replace("\n", "\t1\t2\t3\n"), *lines[401:]]),
    "a_number_of_5000_digits": lines_changed(lambda lines: [*lines, f"seed: {'9' * 5000}\n"]),
    "an_endless_cell": lines_changed(lambda lines: ["g" * 200_000 + "\t" + lines[0], *lines[1:]]),
    "an_open_quote": lines_changed(lambda lines: [*lines[:400], f'"{lines[400]}', *lines[401:]]),
    "brackets_without_end": lines_changed(lambda lines: [*lines, f"seed: {'[' * 5000}\n"]),
    "other_names": lines_changed(lambda lines: [lines[0], *(f"TCGA-{line}" for line in lines[1:])]),
    "the_column_twice": lines_changed(lambda lines: [line.replace("\n", "\t" + line.split("\t")[1]) for line in lines]),
}
