"""CellTypist models: read without running the file; what is no such model is refused."""

import gzip
import os
import pickle
import re
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier

from celltypist_example import problem_of, simulate_cells, train, write
from stat3act.compartments.celltypist_model import CellTypistModel, read_model
from stat3act.problems import InputProblems

# Names that older numpy and scikit-learn wrote, each with those that the versions we support write.
OLD_NAMES = {
    rb"cnumpy._core.multiarray\n": b"cnumpy.core.multiarray\n",
    rb"c(sklearn\._loss\.)?_loss\nCyHalfBinomialLoss\n": b"csklearn.linear_model._sgd_fast\nLog\n",
}


@pytest.fixture(scope="module")
def cells():
    return simulate_cells()


@pytest.fixture(scope="module")
def trained(cells):
    return train(cells, LogisticRegression(max_iter=200))


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize(
    "classifier", [LogisticRegression(max_iter=200), SGDClassifier(loss="log_loss", random_state=0)]
)
def test_numbers_are_those_that_were_pickled(cells, tmp_path, classifier, protocol):
    content = train(cells, classifier)
    found = read_model(write(content, tmp_path / "m.pkl", protocol))
    np.testing.assert_array_equal(found.coefficients, classifier.coef_)
    np.testing.assert_array_equal(found.intercept, classifier.intercept_)
    np.testing.assert_array_equal(found.mean, content["Scaler_"].mean_)
    np.testing.assert_array_equal(found.scale, content["Scaler_"].scale_)
    assert found.genes.tolist() == cells.var_names.tolist()
    assert found.labels.tolist() == sorted(set(cells.obs["state"]))


def test_names_of_older_numpy_and_sklearn_are_known(cells, tmp_path):
    content = train(cells, SGDClassifier(loss="log_loss", random_state=0))
    written = pickle.dumps(content, 3)
    for new, old in OLD_NAMES.items():
        written, times = re.subn(new, old, written)
        assert times
    (tmp_path / "old.pkl").write_bytes(written)
    found = read_model(tmp_path / "old.pkl")
    np.testing.assert_array_equal(found.coefficients, content["Model"].coef_)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["B", "T"]),
        np.array(["B", "T"], dtype=">U7"),
        np.array([np.str_("B"), "T"], dtype=object),
    ],
)
@pytest.mark.parametrize("protocol", [4, 5])
def test_names_come_as_text_or_objects_of_either_byte_order(cells, tmp_path, names, protocol):
    content = train(cells, LogisticRegression(max_iter=200), np.where(cells.obs["state"] == "T", "T", "B"))
    content["Model"].classes_ = names
    content["Model"].coef_ = np.asfortranarray(np.vstack([content["Model"].coef_] * 2)).astype(">f4")
    content["Model"].intercept_ = np.zeros(2)
    found = read_model(write(content, tmp_path / "m.pkl", protocol))
    assert found.labels.tolist() == ["B", "T"]
    np.testing.assert_array_equal(found.coefficients, content["Model"].coef_)


class Trap:
    """Runs a callable where it is loaded, as any pickle may."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("place", ["whole", "description", "coefficients", "dtype"])
def test_no_code_of_the_file_runs(trained, tmp_path, place, protocol):
    sprung = tmp_path / "sprung"
    trap = Trap(os.mkdir, str(sprung))
    content = {
        "whole": trap,
        "description": trained | {"description": [Trap(eval, "1 + 1"), {"url": trap}]},
        "coefficients": {"Scaler_": trained["Scaler_"], "Model": {"coef_": trap}},
        "dtype": trained | {"Model": Trap(np.ndarray, (2,), trap)},
    }[place]
    path = write(content, tmp_path / "evil.pkl", protocol)
    pickle.loads(path.read_bytes())
    assert sprung.exists(), "the trap must be one"
    sprung.rmdir()
    problem = problem_of(read_model, path)
    assert not sprung.exists()
    assert "posix.mkdir" in problem.value
    assert (".eval" in problem.value) == (place == "description")


def test_a_name_is_not_even_imported(tmp_path, monkeypatch):
    (tmp_path / "booby_trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(b"\x80\x04cbooby_trap\nanything\n.")
    with pytest.raises(SystemExit):
        pickle.loads((tmp_path / "evil.pkl").read_bytes())
    assert "booby_trap.anything" in problem_of(read_model, tmp_path / "evil.pkl").value
    assert "booby_trap" not in sys.modules


def test_every_foreign_name_is_listed(trained, tmp_path):
    content = trained | {"description": [pd.Timestamp(0), Path("x"), Trap(getattr, trained, "keys")]}
    value = problem_of(read_model, write(content, tmp_path / "m.pkl")).value
    assert all(name in value for name in ("_unpickle_timestamp", "pathlib.PosixPath", "builtins.getattr"))
    assert "sklearn" not in value and "numpy" not in value


@pytest.mark.parametrize(
    "content",
    [b"", b"gene,T,B\nCD3E,1,0\n", gzip.compress(b"model", mtime=0), b"<!DOCTYPE html>", b"cos\nsystem\n(S'true'\ntR."],
)
def test_what_is_no_pickle_is_refused(tmp_path, content):
    (tmp_path / "m.pkl").write_bytes(content)
    problem = problem_of(read_model, tmp_path / "m.pkl")
    assert "pickle" in problem.expected
    assert "empty" in problem.value or repr(content[:16]) in problem.value


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_file_cut_off_anywhere_is_refused(trained, tmp_path, protocol):
    whole = pickle.dumps(trained, protocol)
    for length in np.linspace(2, len(whole) - 1, 40).astype(int):
        (tmp_path / "m.pkl").write_bytes(whole[:length])
        problem = problem_of(read_model, tmp_path / "m.pkl")
        assert "cannot be read to its end" in problem.value and "cut off" in problem.mend


def test_a_foreign_object_that_cannot_be_stood_in_for_is_named(tmp_path):
    path = write([OrderedDict(a=1)], tmp_path / "m.pkl")
    assert "collections.OrderedDict" in problem_of(read_model, path).value


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\xff", b"p4294967295\n"])
def test_damage_that_would_fill_the_memory_is_refused(tmp_path, put):
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04}" + put + b".")
    assert "object number 4294967295" in problem_of(read_model, tmp_path / "m.pkl").value


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_gives_a_problem_or_a_model_and_nothing_else(trained, tmp_path_factory, data):
    damaged = bytearray(pickle.dumps(trained, 4))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(1, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(damaged)
    with suppress(InputProblems):
        assert isinstance(read_model(path), CellTypistModel)


def test_missing_entries_are_named(trained, tmp_path):
    path = tmp_path / "m.pkl"
    untrained = {"Model": LogisticRegression(), "Scaler_": trained["Scaler_"]}
    value = problem_of(read_model, write(untrained, path)).value
    assert (
        value
        == "the entries ['Model', 'Scaler_'], without Model.features, Model.classes_, Model.coef_, Model.intercept_"
    )
    assert "Scaler_.mean_, Scaler_.scale_" in problem_of(read_model, write({"Model": trained["Model"]}, path)).value
    assert "a pickled list" in problem_of(read_model, write([1], path)).value
    assert "Model.coef_" in problem_of(read_model, write(trained | {"Model": trained["Scaler_"]}, path)).value
    assert "Scaler_.scale_" in problem_of(read_model, write(trained | {"Scaler_": "StandardScaler"}, path)).value


@pytest.mark.parametrize(
    ("entry", "name", "value", "message"),
    [
        ("Model", "features", np.array(["A", "B"], dtype=object), "coefficients of shape"),
        ("Model", "features", np.array([["A"]], dtype=object), "genes of shape"),
        ("Model", "features", ["A", "B"], "list where an array belongs"),
        ("Model", "classes_", np.array(["A", 1, "B", "C"], dtype=object), "int where a name belongs"),
        ("Model", "classes_", np.array(["A", "A", "B", "C"]), "labels with 'A' twice"),
        ("Model", "coef_", np.array([{}, {}], dtype=object), "dict where a name belongs"),
        ("Model", "coef_", np.array(["x", "y"]), "could not convert"),
        ("Model", "coef_", np.zeros(3, dtype="f4,f4"), "an array of 'V8'"),
        ("Model", "features", np.array([2**31], dtype="u4").view("U1"), "utf-32"),
        ("Model", "intercept_", np.array([0, 0, 0, np.nan]), "not finite"),
        ("Model", "intercept_", np.zeros(3), "intercept of shape (3,)"),
        ("Scaler_", "scale_", np.zeros(3), "scale of shape (3,)"),
        ("Scaler_", "with_mean", np.False_, "with_mean"),
    ],
)
def test_parts_that_do_not_fit_are_refused(trained, tmp_path, entry, name, value, message):
    changed = pickle.loads(pickle.dumps(trained))
    setattr(changed[entry], name, value)
    problem = problem_of(read_model, write(changed, tmp_path / "m.pkl"))
    assert message in problem.value and problem.where == "arrays of the model"


def test_a_scale_must_be_above_zero_and_genes_stand_once(trained, tmp_path):
    changed = pickle.loads(pickle.dumps(trained))
    changed["Scaler_"].scale_[4] = 0
    assert "scale of 0.0" in problem_of(read_model, write(changed, tmp_path / "m.pkl")).value
    changed["Model"].features[1] = changed["Model"].features[0]
    assert (
        f"genes with {changed['Model'].features[0]!r} twice"
        in problem_of(read_model, write(changed, tmp_path / "m.pkl")).value
    )
