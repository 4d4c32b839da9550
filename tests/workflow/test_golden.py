"""The demo still gives what it gave, on the newest and on the oldest versions of what it runs on."""

import pandas as pd
import pytest

from golden.make_golden import COHORTS, FOLDER, golden_tables
from stat3act.tables import read_table

# Other versions of numpy, scipy and BLAS add in another order, which reaches the sixth digit that tables have.
RTOL, ATOL = 1e-3, 1e-3


@pytest.mark.parametrize("cohort", COHORTS)
@pytest.mark.parametrize("name", ["calls", "activities"])
def test_the_demo_gives_the_golden_tables(demo, cohort, name):
    found = golden_tables(demo / "results" / cohort)[name]
    golden = read_table(FOLDER / f"{cohort}_{name}.tsv")
    assert list(found.columns) == list(golden.columns)
    pd.testing.assert_frame_equal(found, golden, check_dtype=False, check_exact=False, rtol=RTOL, atol=ATOL)
