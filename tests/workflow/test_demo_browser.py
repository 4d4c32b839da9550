"""The reports of the demo in a browser."""

import pytest

from browsing import NO_BROWSER, read_as_a_user

pytestmark = [pytest.mark.browser, NO_BROWSER]


@pytest.mark.parametrize("cohort", ["demo", "demo_bulk"])
def test_the_report_can_be_read(browser, demo, cohort):
    read_as_a_user(browser, demo / "results" / cohort, cohort)
