"""Headers of single-cell files: is the sample in them, are there cells, labels and the layer?"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stat3act.expression import h5ad
from stat3act.expression.headers import Parts, UnreadableFile, missing_samples, sample_name, suffix_of
from stat3act.expression.tenx import folder_shape

Users = Sequence[tuple[int, Mapping[str, str]]]
Found = Iterator[tuple[int, str, Parts]]


def check_cells(path: Path, users: Users, expression: Mapping, compartments: Mapping) -> Found:
    """Yield row, column and what is wrong, for one file and the rows of the sheet that use it."""
    try:
        if suffix_of(path, (".h5ad",)):
            yield from _check_h5ad(path, users, expression, compartments)
        else:
            yield from _check_tenx(path, users, expression, compartments)
    except UnreadableFile as error:
        yield users[0][0], "path", error.parts


def too_few(cells: int, expression: Mapping) -> Parts | None:
    """Return what is wrong when a sample cannot reach the fewest cells, whatever quality control keeps."""
    least = expression["qc"]["min_cells"]
    if cells >= least:
        return None
    found = "1 cell" if cells == 1 else f"{cells} cells" if cells else "no cells"
    mend = "remove the sample from the sheet, or lower `expression.qc.min_cells`"
    return found, f"at least {least} cells (`expression.qc.min_cells`)", mend


def _check_h5ad(path: Path, users: Users, expression: Mapping, compartments: Mapping) -> Found:
    first = users[0][0]
    with h5ad.open_file(path) as file:
        yield from ((first, "path", parts) for parts in h5ad.structure_problems(file, expression))
        obs = h5ad.frame(file, "obs")
        for key in ("cell_type_key", "malignant_key", "mutation_key"):
            if compartments[key] and (parts := missing_key(obs, f"compartments.{key}", compartments[key])):
                yield first, "path", parts
        key = expression["sample_key"]
        if key is None:
            yield from _check_whole_file(file, users, expression)
            return
        if parts := missing_key(obs, "expression.sample_key", key):
            yield first, "path", parts
            return
        cells = h5ad.count_values(obs, key)
    path_of_sheet = users[0][1]["path"]
    yield from missing_samples(users, sorted(filter(None, cells)), f"values of .obs['{key}'] in {path_of_sheet}")
    for row, user in users:
        name, column = sample_name(user)
        if cells[name] and (parts := too_few(cells[name], expression)):
            yield row, column, (f"'{name}' has {parts[0]} in {path_of_sheet}", *parts[1:])


def _check_whole_file(file, users: Users, expression: Mapping) -> Found:
    cells = h5ad.read_cell_number(file)
    if parts := too_few(cells, expression):
        yield users[0][0], "path", parts
    for row, _ in users[1:]:
        expected = "one file per sample, or `expression.sample_key` for samples that share one"
        mend = f"set `expression.sample_key` to one of: {', '.join(h5ad.column_names(h5ad.frame(file, 'obs')))}"
        yield row, "path", (f"the file of row {users[0][0]} again", expected, mend)


def missing_key(obs, setting: str, key: str) -> Parts | None:
    """Return what is wrong when ``.obs`` lacks a column that the config names."""
    names = h5ad.column_names(obs)
    if key in names:
        return None
    expected = f"one of its columns: {', '.join(names) or 'none'}"
    return f"no column '{key}' in .obs", expected, f"correct `{setting}` in the config"


def _check_tenx(path: Path, users: Users, expression: Mapping, compartments: Mapping) -> Found:
    first = users[0][0]
    for setting, section in {
        "expression.sample_key": expression,
        "expression.layer": expression,
        "compartments.cell_type_key": compartments,
        "compartments.malignant_key": compartments,
        "compartments.mutation_key": compartments,
    }.items():
        if value := section[setting.split(".")[1]]:
            mend = f"remove `{setting}`, or give the cells as h5ad"
            yield first, "path", ("10x output, which has no .obs", f"an h5ad, as `{setting}: {value}` needs", mend)
    for row, _ in users[1:]:
        mend = "correct the path"
        yield row, "path", (f"the file of row {users[0][0]} again", "one 10x output per sample", mend)
    try:
        cells = folder_shape(path)[1] if path.is_dir() else h5ad.tenx_barcodes(path)
    except UnreadableFile:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        mend = "give the filtered_feature_bc_matrix of Cell Ranger, or of a tool that writes the same"
        yield first, "path", (f"not readable ({error})", "a 10x matrix", mend)
        return
    if parts := too_few(cells, expression):
        yield first, "path", parts
