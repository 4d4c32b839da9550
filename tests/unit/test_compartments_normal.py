"""Normal cells as reference: their groups and their means, and no cell in its own reference."""

import numpy as np
import pytest
from scipy import sparse

from stat3act.compartments.normal import bulk_profiles, group_means, held_out, reference_groups


def test_means_by_hand_and_cells_without_group_in_none():
    values = sparse.csr_matrix(np.array([[1.0, 0], [3, 2], [5, 5], [9, 9]]))
    groups = np.array(["b", "b", "a", ""], dtype=object)
    names, means = group_means(values, groups)
    assert names == ["a", "b"] and means.tolist() == [[5, 5], [2, 1]]
    names, logs = bulk_profiles(values, groups)
    assert names == ["a", "b"]
    np.testing.assert_allclose(logs, np.log1p([[np.expm1(5)] * 2, [np.expm1([1, 3]).mean(), np.expm1(2) / 2]]))
    assert values.toarray().tolist() == [[1, 0], [3, 2], [5, 5], [9, 9]]


def test_reference_groups_are_lineages_or_states_and_never_tiny():
    lineage = np.array(["lymphoid"] * 12 + ["myeloid"] * 6 + ["fibroblast"] * 2 + ["epithelial"])
    state = np.array(["T"] * 6 + ["B"] * 6 + ["mast"] * 6 + ["fibroblast"] * 2 + ["epithelial"])
    reference = lineage != "epithelial"
    found = reference_groups(lineage, state, reference)
    assert found.tolist() == ["lymphoid"] * 12 + ["myeloid"] * 6 + ["lymphoid"] * 2 + [""]
    single = reference_groups(lineage, state, lineage == "lymphoid")
    assert single[:12].tolist() == ["T"] * 6 + ["B"] * 6


@pytest.mark.parametrize(
    ("groups", "donor"),
    [
        (["a", "a", "b", ""], ["s"] * 4),
        (["a", "a", "a", ""], ["s"] * 4),
        (["a", "b", "a", "b", "a", ""], ["s", "s", "t", "t", "u", "s"]),
    ],
    ids=["groups", "halves", "donors"],
)
def test_held_out_cells_are_not_in_their_reference(groups, donor):
    groups, donor = np.array(groups, dtype=object), np.array(donor, dtype=object)
    pairs = held_out(groups, donor)
    assert sorted(np.concatenate([part for part, _ in pairs])) == list(np.flatnonzero(groups != ""))
    for part, rest in pairs:
        assert (rest[part] == "").all() and (rest != "").any()
        assert len(set(groups[part])) == 1
        kept = rest != ""
        assert (rest[kept] == groups[kept]).all()


def test_of_several_donors_none_is_compared_with_itself():
    groups = np.array(["a", "b", "a", "b", "a"], dtype=object)
    donor = np.array(["s", "s", "t", "t", "t"], dtype=object)
    for part, rest in held_out(groups, donor):
        assert not set(donor[part]) & set(donor[rest != ""])
