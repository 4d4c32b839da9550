"""The picture of a sample's cells: everything that is not known looks so, and the same cells give the same bytes."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stat3act.compartments.cells import CELL_COLUMNS
from stat3act.compartments.lineages import LINEAGES as KNOWN_LINEAGES
from stat3act.compartments.lineages import UNKNOWN
from stat3act.compartments.malignant import REASONS
from stat3act.report import cells as pictures
from stat3act.report import colours
from stat3act.report.genome_picture import CALLS, blocks, order_groups
from stat3act.report.pictures import read_pictures

CLUSTERS = pd.DataFrame({"cluster": ["0", "1"], "reason": ["NO_EVIDENCE;BETWEEN", "NO_EVIDENCE"]})
QUIET = pd.DataFrame({"cluster": ["0"], "reason": [np.nan]})


def cells_of(number=400, seed=1, **columns) -> pd.DataFrame:
    """Cells with every kind of call."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(number) % 6
    table = pd.DataFrame("", index=range(number), columns=[*CELL_COLUMNS, "activity"])
    table["cell"] = [f"c{n}" for n in range(number)]
    table["lineage"] = np.where(kinds < 3, "epithelial", np.where(kinds == 5, UNKNOWN, "myeloid"))
    table["cluster"] = kinds.astype(str)
    calls = ["malignant", "non-malignant", "uncertain"]
    table["malignant_call"] = [calls[kind % 3] for kind in kinds]
    table["malignant_source"] = np.where(kinds < 3, "copy_number", "label")
    table["malignant_probability"] = np.where(kinds < 3, np.array([0.95, 0.05, 0.5])[kinds % 3], np.nan)
    table["umap1"], table["umap2"] = rng.normal(kinds, 0.3), rng.normal(0, 1, number)
    table["activity"] = np.where(kinds == 4, np.nan, rng.normal(0, 1, number))
    return table.assign(**columns)


def groups_of(number=12, windows=50, seed=2) -> pd.DataFrame:
    """Groups of cells in no order."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "group": range(1, number + 1),
            "cluster": [str(11 - n % 12) for n in range(number)],
            "lineage": "epithelial",
            "call": [list(CALLS)[n % 3] for n in range(number)],
            "n_cells": 5,
        }
    )
    names = [f"chr{1 + n // 10}:{n + 1}" for n in range(windows)]
    return pd.concat([table, pd.DataFrame(rng.normal(0, 0.2, (number, windows)), columns=names)], axis=1)


def words_of(figure) -> str:
    """All text of a figure."""
    found = [text.get_text() for text in figure.texts]
    for ax in figure.axes:
        legend = ax.get_legend()
        found += [
            ax.get_title(loc="left"),
            *(text.get_text() for text in [*ax.texts, *(legend.texts if legend else [])]),
        ]
    return "\n".join(found)


def points_of(ax) -> int:
    return sum(len(points.get_offsets()) for points in ax.collections)


def test_same_cells_give_the_same_bytes_whatever_the_user_set(tmp_path, monkeypatch):
    import matplotlib

    for name in ("one", "two"):
        figure = pictures.draw_sample("S1", cells_of(), CLUSTERS, groups_of())
        pictures.write_picture(tmp_path / f"{name}.png", figure)
        monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "black")
        monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 40)
    content = (tmp_path / "one.png").read_bytes()
    assert content == (tmp_path / "two.png").read_bytes()
    image = Image.open(io.BytesIO(content))
    assert image.size == (1440, 1462)
    assert set(image.info) <= {"dpi"}  # no date, no version
    assert len(content) < 250_000


@pytest.mark.parametrize("name", ["Miller", None])
def test_a_picture_without_a_name_holds_none(name):
    figure = pictures.draw_sample(name, cells_of(), CLUSTERS, groups_of())
    title = figure.texts[0].get_text()
    assert title.startswith("Miller: ") if name else title.endswith(" cells") and ":" not in title


def test_every_cell_is_drawn_once_on_every_map():
    cells = cells_of()
    figure = pictures.draw_sample("S1", cells, CLUSTERS, groups_of())
    assert [points_of(ax) for ax in figure.axes[:3]] == [400, 400, 400]


def test_many_cells_are_thinned_evenly_and_the_picture_says_so():
    cells = cells_of(50_000)
    kept = pictures.thin(cells)
    assert len(kept) == pictures.MOST_POINTS and kept["cell"].is_unique
    shares = kept["cluster"].value_counts(normalize=True)
    assert np.allclose(shares, 1 / 6, atol=0.01)
    assert "20,000 of 50,000 cells are drawn, evenly thinned" in pictures.footer(cells, len(kept), QUIET)
    assert pictures.thin(cells.head(10)) is not None and len(pictures.thin(cells.head(10))) == 10


def test_calls_are_split_without_gap_or_overlap():
    masks = pictures.split_calls(cells_of())
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    assert all(mask.any() for mask in masks.values())


def test_unknown_never_looks_like_zero():
    zero = cells_of(malignant_call="non-malignant", malignant_probability=0.0, malignant_source="copy_number")
    kinds = {
        "zero": zero,
        "lineage": zero.assign(malignant_probability=np.nan, malignant_source="lineage"),
        "uncertain": zero.assign(malignant_call="uncertain", malignant_probability=np.nan, malignant_source="none"),
        "uncertain with a probability": zero.assign(malignant_call="uncertain"),
    }
    looks = {}
    for name, cells in kinds.items():
        ax = pictures.draw_sample("S1", cells, CLUSTERS, groups_of()).axes[1]
        points = next(points for points in ax.collections if len(points.get_offsets()))
        points.update_scalarmappable()
        edge = np.round(points.get_edgecolors(), 3)
        looks[name] = (tuple(np.round(points.get_facecolors()[0], 3)), tuple(edge[0]) if len(edge) else ())
    assert len(set(looks.values())) == len(looks)


def test_cells_without_activity_are_crosses_and_are_counted():
    figure = pictures.draw_sample("S1", cells_of(), CLUSTERS, groups_of())
    missing = int(cells_of()["activity"].isna().sum())
    assert f"no value, n={missing}" in words_of(figure)
    nothing = pictures.draw_sample("S1", cells_of(activity=np.nan), CLUSTERS, groups_of())
    assert "no value, n=400" in words_of(nothing)
    assert "z within the sample" not in words_of(nothing)


@pytest.mark.parametrize("values", [[-3.2, 0.1, 1.0], [0.0, 0.1], [np.nan]])
def test_the_scale_of_activity_is_symmetric(values):
    cells = cells_of(activity=np.resize(values, 400))
    ax = pictures.draw_sample("S1", cells, CLUSTERS, groups_of()).axes[2]
    low, high = ax.collections[-1].get_clim()
    assert low == -high and high >= 0.5


def test_activity_is_that_of_the_same_cell():
    scored = pd.DataFrame({"stat3_core": [1.0, 2.0, 3.0]}, index=["c2", "c0", "c9"])
    assert pictures.with_activity(cells_of(3), scored)["activity"].fillna(-1).tolist() == [2.0, -1, 1.0]
    assert pictures.with_activity(cells_of(3), scored[[]])["activity"].isna().all()


def test_the_picture_says_what_a_reader_must_know():
    words = words_of(pictures.draw_sample("S1", cells_of(), CLUSTERS, groups_of()))
    assert "activity of single cells is for pictures only" in words
    assert "S1: 400 cells" in words
    assert "epithelial, n=201" in words and "unknown, n=66" in words
    assert REASONS["NO_EVIDENCE"] in " ".join(words.split())
    assert words.index("NO_EVIDENCE") < words.index("BETWEEN")  # the reason of more clusters first


def test_a_sample_without_copy_number_or_map_says_so():
    bare = cells_of(
        umap1=np.nan, umap2=np.nan, cluster=np.nan, malignant_call="uncertain", malignant_probability=np.nan
    )
    words = words_of(pictures.draw_sample("S1", bare, CLUSTERS, groups_of().head(0)))
    assert "No map" in words and "No cell is drawn" in words and "cells are drawn" not in words
    assert "Not computed for this sample" in words and "NO_EVIDENCE" in words


def test_rows_of_the_genome_go_by_call_then_cluster():
    ordered = order_groups(groups_of())
    assert [name for name, _, _ in blocks(ordered["call"])] == list(CALLS)
    for _, part in ordered.groupby("call"):
        assert part["cluster"].astype(int).is_monotonic_increasing  # 2 before 10


def test_blocks_cover_everything_once():
    found = blocks(pd.Series(list("aabbba")))
    assert found == [("a", 0, 2), ("b", 2, 5), ("a", 5, 6)]


def test_every_lineage_has_its_own_colour_and_keeps_it():
    assert set(colours.LINEAGES) == {*KNOWN_LINEAGES, UNKNOWN}
    assert len(set(colours.LINEAGES.values())) == len(colours.LINEAGES)
    for name in ("fibroblast", "endothelial", "myeloid", "lymphoid"):
        assert colours.LINEAGES[name] == colours.COMPARTMENTS[name] == colours.COMPOSITION[name]


def test_pictures_are_in_the_page_only_while_they_fit(tmp_path):
    folder = tmp_path / "cells"
    folder.mkdir()
    paths = [folder / f"{name}.png" for name in ("A", "B.1")]
    for path in paths:
        path.write_bytes(b"x" * 300)
    inside = read_pictures(paths, most=800)
    assert set(inside.embedded) == {"A", "B.1"} and not inside.linked
    beside = read_pictures([folder], most=799)
    assert beside.linked == {"A": "cells/A.png", "B.1": "cells/B.1.png"} and not beside.embedded
    assert not read_pictures([]).embedded and not read_pictures([]).linked
