"""What the activities of a cohort are relative to, in the words of its charts."""

import textwrap
from collections.abc import Collection, Iterable

import pandas as pd

from stat3act.activity.assemble import REFERENCE_NAME

KINDS = {"cohort": "the cohort", "controls": "the controls"}
LINE = 90


def rows_compared(profiles: pd.DataFrame, compartments: Collection[str] | None) -> pd.DataFrame:
    """List kind, size and stratum of every reference that an activity of these compartments is relative to."""
    scored = profiles[profiles["activity"].notna()]
    if compartments is not None:
        scored = scored[scored["compartment"].isin(compartments)]
    pairs = scored[["compartment", "reference"]].drop_duplicates().reset_index(drop=True)
    return pairs.join(pairs["reference"].astype("string").str.extract(REFERENCE_NAME)).astype({"n": "Int64"})


def sizes(rows: pd.DataFrame) -> str:
    """Say how many samples are compared with, e.g. ``n=12`` or ``n=3 to 5 per stratum``."""
    least, most = rows["n"].min(), rows["n"].max()
    number = f"n={least}" if least == most else f"n={least} to {most}"
    return f"{number} per stratum" if rows["stratum"].notna().any() else number


def against(profiles: pd.DataFrame, order: Iterable[str], compartments: Collection[str] | None = None) -> str:
    """Say what kind of score a chart shows.

    Parameters
    ----------
    profiles
        Columns ``compartment activity reference``; rows without an activity do not count.
    order
        Compartments in the order of the page.
    compartments
        Those that the chart shows; None for all.

    Returns
    -------
    A line such as "Activity: z against the cohort, n=12"; where compartments differ in kind, each kind with its
    compartments. Long lines are broken.
    """
    rows = rows_compared(profiles, compartments)
    parts = []
    kinds = rows.groupby("kind", sort=True)
    for kind, group in kinds:
        text = f"against {KINDS.get(kind, kind.replace('frozen', 'the frozen reference', 1))}, {sizes(group)}"
        within = [name for name in order if name in set(group["compartment"])]
        parts.append(f"{text} ({', '.join(within)})" if len(kinds) > 1 else text)
    return "\n".join(textwrap.wrap(f"Activity: z {'; '.join(parts)}" if parts else "Activity: none was measured", LINE))
