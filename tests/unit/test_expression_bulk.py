"""Bulk cohorts: the same samples from every kind of file, and what is wrong with files in one list."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from expression_example import symbols_of, table_of
from stat3act.expression.bulk import harmonise_cohort, read_bulk
from stat3act.problems import InputProblems

SYMBOLS = symbols_of(300)
GENES = table_of(SYMBOLS)


def counts(samples: str = "ABC", seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = rng.poisson(rng.lognormal(3, 2, size=(300, 1)) * np.ones((1, len(samples))))
    return pd.DataFrame(values, index=pd.Index(SYMBOLS, name="gene"), columns=list(samples))


def rows(*names: str, matrix: int = 0) -> list[dict]:
    return [{"sample": f"s{name}", "column": name, "matrix": matrix} for name in names]


def write(table: pd.DataFrame, path) -> str:
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".h5ad":
        ad.AnnData(table.T.to_numpy(float), pd.DataFrame(index=table.columns), pd.DataFrame(index=table.index)).write(
            path
        )
    else:
        table.to_csv(path, sep="," if ".csv" in path.name else "\t")
    return str(path)


@pytest.mark.parametrize("name", ["m.tsv", "m.tsv.gz", "m.csv", "m.csv.gz", "m.txt", "m.parquet", "m.h5ad"])
def test_every_kind_of_file_gives_the_same_cohort(tmp_path, name):
    table = counts()
    cohort, quality = harmonise_cohort([write(table, tmp_path / name)], rows("C", "A"), GENES, "counts")
    assert list(cohort.obs_names) == ["sC", "sA"]
    assert list(cohort.var_names) == sorted(SYMBOLS)
    linear = pd.DataFrame(cohort.layers["linear"].T, index=cohort.var_names, columns=["C", "A"])
    assert (linear.loc[SYMBOLS] == table[["C", "A"]]).all(axis=None)
    cpm = table["A"] / table["A"].sum() * 1e6
    assert cohort["sA", SYMBOLS].X.ravel() == pytest.approx(np.log2(cpm + 1).to_numpy(), rel=1e-5)
    assert cohort.X.dtype == np.float32
    assert cohort.uns["scale"] == "counts"
    assert list(cohort.var) == ["chromosome", "start", "end", "arm"]
    assert quality.loc[1, ["sample", "genes_in", "genes_kept", "library_size"]].tolist() == [
        "sA",
        300,
        300,
        table["A"].sum(),
    ]


def test_a_table_as_r_writes_it_has_its_gene_ids_before_the_first_name(tmp_path):
    table = counts()
    text = table.to_csv(sep="\t", index_label="gene").removeprefix("gene\t")
    (tmp_path / "r.tsv").write_text(text)
    ids, values = read_bulk(str(tmp_path / "r.tsv"), ["B"])
    assert list(ids) == SYMBOLS
    assert (values[:, 0] == table["B"]).all()


def test_a_gene_column_anywhere_and_comment_lines(tmp_path):
    table = counts().reset_index().rename(columns={"gene": "Geneid"})
    table = table[["A", "Geneid", "B", "C"]]
    (tmp_path / "f.tsv").write_text("# featureCounts 2.0\n" + table.to_csv(sep="\t", index=False))
    table.to_parquet(tmp_path / "f.parquet")
    for name in ("f.tsv", "f.parquet"):
        ids, values = read_bulk(str(tmp_path / name), ["C", "A"], "Geneid")
        assert list(ids) == SYMBOLS
        assert (values == table[["C", "A"]]).all(axis=None)


def test_entrez_ids_survive_a_missing_one(tmp_path):
    table = counts().reset_index(drop=True)
    table.insert(0, "entrez", [float(entrez) for entrez in GENES["entrez"]])
    table.loc[3, "entrez"] = np.nan
    table.to_parquet(tmp_path / "e.parquet", index=False)
    cohort, quality = harmonise_cohort([str(tmp_path / "e.parquet")], rows("A"), GENES, "counts")
    assert cohort.n_vars == 299
    assert quality.loc[0, "genes_unmapped"] == 1


def test_several_files_are_joined_on_their_common_genes(tmp_path):
    one, two = counts("AB"), counts("CD", seed=5).drop(index=SYMBOLS[10:13])
    files = [write(one, tmp_path / "1.tsv"), write(two, tmp_path / "2.parquet")]
    samples = [*rows("D", matrix=1), *rows("A"), *rows("C", matrix=1)]
    cohort, quality = harmonise_cohort(files, samples, GENES, "counts")
    assert list(cohort.obs_names) == ["sD", "sA", "sC"]
    assert cohort.n_vars == 297
    assert quality["genes_dropped"].tolist() == [0, 3, 0]
    parts = quality[["genes_kept", "genes_unmapped", "genes_merged", "genes_dropped"]].sum(axis=1)
    assert (parts == quality["genes_in"]).all()
    kept = one["A"].drop(index=SYMBOLS[10:13])
    assert cohort["sA", kept.index].layers["linear"].ravel().tolist() == kept.tolist()


def test_a_file_is_read_once_however_many_samples_it_holds(tmp_path, monkeypatch):
    calls = []
    original = pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda *args, **kwargs: calls.append(args) or original(*args, **kwargs))
    harmonise_cohort([write(counts(), tmp_path / "m.tsv")], rows("A", "B", "C"), GENES, "counts")
    assert len(calls) == 1


def ratios(missing: int) -> pd.DataFrame:
    values = np.random.default_rng(2).normal(0, 1, size=(300, 3))
    values[:missing, 1] = np.nan
    return pd.DataFrame(values, index=pd.Index(SYMBOLS, name="gene"), columns=list("ABC"))


def test_few_genes_with_missing_ratios_are_dropped_and_counted(tmp_path):
    table = ratios(14)
    cohort, quality = harmonise_cohort([write(table, tmp_path / "m.tsv")], rows("A", "B"), GENES, "log2_ratio")
    assert cohort.n_vars == 286
    assert quality["genes_dropped"].tolist() == [14, 14]
    assert "linear" not in cohort.layers
    assert cohort["sA", SYMBOLS[20:]].X.ravel() == pytest.approx(table["A"].to_numpy()[20:], rel=1e-5)
    assert quality["library_size"].isna().all()


@pytest.mark.parametrize(("table", "scale"), [(ratios(15), "log2_ratio"), (ratios(1).abs() * 900, "rsem")])
def test_many_missing_ratios_or_any_missing_linear_value_are_a_problem(tmp_path, table, scale):
    with pytest.raises(InputProblems, match=r"gene MT-X0, B\n.*missing values \(NaN\)"):
        harmonise_cohort([write(table, tmp_path / "m.tsv")], rows("A", "B"), GENES, scale)


def test_best_expressed_row_is_kept_on_log_scales(tmp_path):
    table = np.log2(counts() + 1)
    table.index = [*SYMBOLS[:-1], SYMBOLS[-2]]
    table.iloc[-2:] = [[1.5, 1.5, 1.5], [2.5, 2.25, 2.75]]
    cohort, quality = harmonise_cohort([write(table, tmp_path / "m.tsv")], rows("A", "B", "C"), GENES, "log2")
    assert cohort[:, SYMBOLS[-2]].X.ravel().tolist() == [2.5, 2.25, 2.75]
    assert quality["genes_merged"].tolist() == [1, 1, 1]


def test_logarithms_are_brought_back_when_their_offset_is_known(tmp_path):
    linear = counts()
    scaled = linear / linear.sum() * 1e6
    kwargs = {"scale": "log2", "genes": GENES}
    path = write(np.log2(scaled + 1), tmp_path / "m.tsv")
    cohort, _ = harmonise_cohort([path], rows(*"ABC"), log_offset=1.0, **kwargs)
    other, _ = harmonise_cohort([write(scaled, tmp_path / "linear.tsv")], rows(*"ABC"), GENES, "rsem")
    np.testing.assert_allclose(cohort.layers["linear"], other.layers["linear"], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(cohort.X, np.log2(scaled.loc[cohort.var_names] + 1).T, rtol=1e-5)
    assert "linear" not in harmonise_cohort([path], rows(*"ABC"), **kwargs)[0].layers


def test_centred_logarithms_are_not_brought_back(tmp_path):
    logged = np.log2(counts() + 1.0)
    logged = logged.sub(logged.mean(axis=1) / 2, axis=0)
    path = write(logged, tmp_path / "m.tsv")
    with pytest.raises(InputProblems, match="values below 0") as caught:
        harmonise_cohort([path], rows(*"ABC"), GENES, "log2", log_offset=1.0)
    assert "centred" in str(caught.value)


def test_the_problems_of_all_files_come_in_one_list(tmp_path):
    tpm = counts() / counts().sum() * 1e6
    mouse = counts()
    mouse.index = [f"ENSMUSG{number:011d}" for number in range(300)]
    words = counts().astype(object)
    words.iloc[2, 1] = "1,5"
    empty = tmp_path / "empty.parquet"
    counts().iloc[:0].to_parquet(empty)
    files = [
        write(tpm, tmp_path / "tpm.tsv"),
        write(mouse, tmp_path / "mouse.tsv"),
        write(words, tmp_path / "words.tsv"),
        write(counts(), tmp_path / "good.tsv"),
        str(empty),
    ]
    samples = [*rows("A"), *rows("A", matrix=1), *rows("B", matrix=2), *rows("AA", matrix=3), *rows("A", matrix=4)]
    for number, row in enumerate(samples):
        row["sample"] = f"s{number}"
    with pytest.raises(InputProblems) as error:
        harmonise_cohort(files, samples, GENES, "counts")
    problems = error.value.problems
    assert [problem.file for problem in problems] == files
    words = ["expression.scale: tpm", "mouse", "'1,5'", "'AA'", "empty matrix"]
    assert all(word in str(problem) for word, problem in zip(words, problems, strict=True))
    assert "gene MT-X2, sample B" in problems[2].where
    assert "'A'" in problems[3].mend


def test_the_order_of_rows_in_the_file_does_not_matter(tmp_path):
    table = counts()
    one, _ = harmonise_cohort([write(table, tmp_path / "1.tsv")], rows("A", "B"), GENES, "counts")
    shuffled = table.sample(frac=1, random_state=1)
    two, _ = harmonise_cohort([write(shuffled, tmp_path / "2.tsv")], rows("A", "B"), GENES, "counts")
    assert (one.X == two.X).all()
