"""One single-cell sample: from h5ad or 10x output to filtered cells in one gene language."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import io, sparse

from stat3act.expression import h5ad
from stat3act.expression.genes import GeneLanguage, GeneMap, map_genes, repeated, sum_rows
from stat3act.expression.headers import UnreadableFile, missing_sample
from stat3act.expression.headers_cells import missing_key, too_few
from stat3act.expression.quality import REASONS, filter_cells
from stat3act.expression.scale import check_scale
from stat3act.expression.tenx import folder_parts, open_text
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem, raise_if_any

GENE_EXPRESSION = "Gene Expression"
# Settings name of a label -> what it is called in the written file.
LABELS = {"cell_type_key": "cell_type", "malignant_key": "malignant_label", "mutation_key": "mutation"}
QC_COLUMNS = (
    "sample",
    "genes_in",
    "genes_kept",
    "genes_unmapped",
    "genes_ambiguous",
    "genes_merged",
    "example_unmapped",
    "library_size",
    "cells_in",
    *REASONS,
    "cells_kept",
    *(f"median_{name}_{when}" for name in ("counts", "genes", "mitochondrial") for when in ("before", "after")),
    "doublet_status",
)


@dataclass(frozen=True)
class RawCells:
    """A sample as its file has it.

    Attributes
    ----------
    values
        Cells x genes, CSR.
    names
        Ids of the cells.
    ids, second_ids
        Ids of the genes; 10x output has Ensembl ids and symbols, other files one kind (then None).
    labels
        Label columns by their name in the written file, missing values as empty strings.
    """

    values: sparse.csr_matrix
    names: np.ndarray
    ids: np.ndarray
    second_ids: np.ndarray | None
    labels: dict[str, np.ndarray]


def harmonise_sample(
    file: str, sample: str, name: str, genes: pd.DataFrame, settings: Mapping
) -> tuple[ad.AnnData, ad.AnnData, pd.DataFrame]:
    """Read, check, harmonise and filter one sample.

    Parameters
    ----------
    file
        h5ad, 10x h5 or 10x folder.
    sample
        Name of the sample in the sheet.
    name
        Its name in ``.obs[sample_key]``, mostly the same.
    genes
        The gene table, all text.
    settings
        Config values: ``scale sample_key layer gene_column qc doublets seed`` and the keys of `LABELS`.

    Returns
    -------
    cells
        The kept cells x symbols (sorted): ``X`` CSR float32 linear, ``obs`` as of
        `stat3act.expression.quality.filter_cells` and the labels ``cell_type``, ``malignant_label`` and ``mutation``
        when named, ``var`` hg38 positions, ``uns["scale"]``.
    doublets
        The cells that were removed as doublets and for nothing else, in the same form.
    quality
        One row: what became of the genes and of the cells. ``library_size`` is the total of all
        cells in known genes, before filtering.

    Raises
    ------
    InputProblems
        When the file cannot be read, lacks the sample, contradicts the scale, is of another species, or leaves fewer
        than ``qc.min_cells`` cells.
    """
    try:
        raw = read_cells(file, name, settings)
    except UnreadableFile as error:
        raise InputProblems([Problem(file, f"sample {sample}", *error.parts)]) from None
    except OSError as error:
        value, mend = f"a damaged file ({error})", "write or download it again"
        raise InputProblems([Problem(file, f"sample {sample}", value, "a whole file", mend)]) from None
    log.info("%s: %d cells x %d genes read", sample, *raw.values.shape)
    raise_if_any(_check(raw, file, sample, settings))
    language = GeneLanguage(genes)
    found = map_genes(raw.ids, language, np.ravel(raw.values.sum(axis=0, dtype=np.float64)), file, raw.second_ids)
    obs = pd.DataFrame(raw.labels, index=pd.Index(raw.names, name="cell", dtype=object))
    values = _sum_genes(raw.values, found)
    cells = ad.AnnData(values, obs=obs, var=language.positions(found.symbols))
    kept, doublets, row = filter_cells(cells, settings["qc"], settings["doublets"], settings["scale"], settings["seed"])
    raise_if_any(_too_few_left(row, file, sample, settings))
    for part in (kept, doublets):
        part.uns["scale"] = settings["scale"]
    row |= {"sample": sample, "library_size": round(float(values.sum(dtype=np.float64))), **found.report}
    return kept, doublets, pd.DataFrame([row], columns=list(QC_COLUMNS))


def _sum_genes(values: sparse.csr_matrix, found: GeneMap) -> sparse.csr_matrix:
    """Return cells x symbols: turned on its side, the matrix has genes for rows."""
    summed = sparse.csr_matrix(sum_rows(values.T.tocsr(), found).T)
    summed.sort_indices()
    return summed


def _check(raw: RawCells, file: str, sample: str, settings: Mapping) -> list[Problem]:
    """Return what is wrong with the values and names of a sample."""
    where = f"sample {sample}"
    if parts := too_few(raw.values.shape[0], {"qc": settings["qc"]}):
        return [Problem(file, where, *parts)]
    if not raw.values.shape[1] or not raw.values.nnz:
        mend = "check how the matrix was written"
        return [Problem(file, where, "an empty matrix: no expression in any cell", "cells with expression", mend)]
    problems = check_scale(raw.values, settings["scale"], raw.ids, raw.names, file)
    if twice := repeated(raw.names):
        value = f"{len(twice)} cell ids occur more than once, for example {twice[0]}"
        mend = "make them unique (`adata.obs_names_make_unique()`)"
        problems.append(Problem(file, where, value, "each cell id once in a sample", mend))
    return problems


def _too_few_left(row: Mapping, file: str, sample: str, settings: Mapping) -> list[Problem]:
    least = settings["qc"]["min_cells"]
    if row["cells_kept"] >= least:
        return []
    removed = ", ".join(f"{row[reason]} {reason.removeprefix('cells_').replace('_', ' ')}" for reason in REASONS)
    value = f"{row['cells_kept']} of {row['cells_in']} cells left after quality control (removed: {removed})"
    mend = "mind the thresholds in `expression.qc`, or remove the sample from the sheet"
    return [Problem(file, f"sample {sample}", value, f"at least {least} cells (`expression.qc.min_cells`)", mend)]


def read_cells(file: str, name: str, settings: Mapping) -> RawCells:
    """Read one sample; of an h5ad that holds several, only its rows.

    Parameters
    ----------
    file, name, settings
        As in `harmonise_sample`.

    Raises
    ------
    UnreadableFile
        When the file is not what its name says, or lacks what the settings name.
    """
    path = Path(file)
    if path.is_dir():
        return _read_folder(path)
    if path.suffix.lower() == ".h5":
        return _read_tenx(path)
    return _read_h5ad(path, name, settings)


def first_cells(file: str, name: str, settings: Mapping, cells: int, whole_bytes: int) -> RawCells:
    """Read at most some cells of a sample, to look at their values and genes.

    Parameters
    ----------
    file, name, settings
        As in `harmonise_sample`.
    cells
        How many cells, of a file that can be read row by row.
    whole_bytes
        Other files up to this size are read whole; of larger ones only the names of the genes are read.

    Raises
    ------
    UnreadableFile
        As `read_cells`.
    """
    path = Path(file)
    if path.is_dir():
        _, parts = folder_parts(path)
        if parts["matrix.mtx"].stat().st_size <= whole_bytes:
            return _read_folder(path)
        ids = np.array([row[0] for row in _rows(parts["features.tsv"])], dtype=object)
        return RawCells(sparse.csr_matrix((0, len(ids)), dtype=np.float32), ids[:0], ids, None, {})
    if path.suffix.lower() == ".h5":
        return _read_tenx(path)
    with h5ad.open_file(path) as handle:
        by_row = h5ad.reads_by_row(h5ad.matrix(handle, settings["layer"]))
    few = cells if by_row else None if path.stat().st_size <= whole_bytes else 0
    return _read_h5ad(path, name, settings, few)


def _read_h5ad(path: Path, name: str, settings: Mapping, most: int | None = None) -> RawCells:
    layer, gene_column = settings["layer"], settings["gene_column"]
    with h5ad.open_file(path) as file:
        h5ad.check_structure(file, layer, gene_column)
        obs, var = h5ad.frame(file, "obs"), h5ad.frame(file, h5ad.var_name(file, layer))
        for key in ("sample_key", *LABELS):
            if settings[key] and (parts := missing_key(obs, _setting(key), settings[key])):
                raise UnreadableFile(*parts)
        rows = np.arange(h5ad.read_cell_number(file))
        if key := settings["sample_key"]:
            rows = h5ad.find_rows(obs, key, name)
            names = [name] if len(rows) else sorted(set(h5ad.count_values(obs, key)) - {""})
            if parts := missing_sample(name, names, f"values of .obs['{key}']", "column"):
                raise UnreadableFile(*parts)
        rows = rows[:most]
        return RawCells(
            _as_csr(h5ad.read_rows(h5ad.matrix(file, layer), rows)),
            h5ad.read_index(obs, rows),
            h5ad.read_column(var, gene_column) if gene_column else h5ad.read_index(var),
            None,
            {label: h5ad.read_column(obs, settings[key], rows) for key, label in LABELS.items() if settings[key]},
        )


def _setting(key: str) -> str:
    return f"compartments.{key}" if key in LABELS else f"expression.{key}"


def _as_csr(values) -> sparse.csr_matrix:
    """Return CSR float32 with zeros left out; counts up to 2^24 stay exact."""
    values = sparse.csr_matrix(values, dtype=np.float32)
    values.eliminate_zeros()
    return values


def _read_tenx(path: Path) -> RawCells:
    import scanpy as sc

    h5ad.tenx_barcodes(path)
    h5ad.check_tenx(path)
    try:
        cells = sc.read_10x_h5(path, gex_only=True)
    # What scanpy and h5py raise depends on where the damage is.
    except Exception as error:
        mend = "give the filtered_feature_bc_matrix.h5 of Cell Ranger"
        raise UnreadableFile(f"not readable ({error})", "a 10x matrix of one genome", mend) from None
    symbols = cells.var_names.to_numpy(dtype=object)
    ids = cells.var["gene_ids"].to_numpy(dtype=object) if "gene_ids" in cells.var else symbols
    return RawCells(_as_csr(cells.X), cells.obs_names.to_numpy(dtype=object), ids, symbols, {})


def _read_folder(folder: Path) -> RawCells:
    missing, parts = folder_parts(folder)
    if missing:
        mend = "name the folder that holds these three files"
        raise UnreadableFile(f"a folder without {', '.join(missing)}", "a 10x folder", mend)
    try:
        opener = gzip.open if parts["matrix.mtx"].suffix == ".gz" else open
        with opener(parts["matrix.mtx"], "rb") as handle:
            values = io.mmread(handle)
        features, barcodes = (list(_rows(parts[part])) for part in ("features.tsv", "barcodes.tsv"))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UnreadableFile(f"not readable ({error})", "a 10x folder", "write or download it again") from None
    if values.shape != (len(features), len(barcodes)):
        found = f"a matrix of {values.shape[0]} x {values.shape[1]}, {len(features)} features, {len(barcodes)} barcodes"
        mend = "the three files are not of one run; write or download them again"
        raise UnreadableFile(found, "one row of the matrix per feature, one column per barcode", mend)
    # Antibodies and guides stand below the genes; files of older Cell Ranger versions hold genes only.
    genes = np.array([len(row) < 3 or row[2] == GENE_EXPRESSION for row in features], dtype=bool)
    if not genes.any():
        mend = "name the folder of the gene expression; antibodies and guides are not read"
        raise UnreadableFile("no feature of the type 'Gene Expression'", "genes", mend)
    values = _as_csr(sparse.csr_matrix(values)[np.flatnonzero(genes)].T)
    ids = np.array([row[0] for row in features], dtype=object)[genes]
    symbols = np.array([row[min(1, len(row) - 1)] for row in features], dtype=object)[genes]
    return RawCells(values, np.array([row[0] for row in barcodes], dtype=object), ids, symbols, {})


def _rows(path: Path) -> Iterator[list[str]]:
    with open_text(path) as handle:
        for line in handle:
            yield line.rstrip("\r\n").split("\t")
