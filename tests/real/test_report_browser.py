"""The reports of two public cohorts in a browser: cell lines in bulk, and a tumour in single cells."""

import pytest

from browsing import NO_BROWSER, read_as_a_user

pytestmark = [pytest.mark.real, pytest.mark.browser, NO_BROWSER]


@pytest.mark.parametrize("cohort", ["t84_il22_ifnl", "oligodendroglioma"])
def test_the_report_can_be_read(browser, finished, cohort):
    read_as_a_user(browser, finished(cohort), cohort)
