"""Problems with a user's input, gathered and shown as one list."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

# More problems of one file than these say no more, and hide those of the others.
MOST = 20


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes
    ----------
    file
        The file it is in, as the user wrote it.
    where
        Row, column, key or cell inside the file, e.g. ``"row 3, column 'path'"``; empty for the whole file.
    value
        What is there.
    expected
        What should be there.
    mend
        What the user can do about it.
    """

    file: str
    where: str
    value: str
    expected: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}, {self.where}" if self.where else self.file
        return f"{place}\n      found:    {self.value}\n      expected: {self.expected}\n      mend:     {self.mend}"


class InputProblems(Exception):
    """Everything that is wrong with the input, in one list.

    Parameters
    ----------
    problems
        At least one problem.
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        lines = [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        return "\n".join([f"{head} with the input; nothing was computed from it:", *lines])


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise `InputProblems` when there is at least one problem."""
    if found := tuple(problems):
        raise InputProblems(found)


def shorten(problems: Iterable[Problem], most: int = MOST) -> list[Problem]:
    """Return the first problems of a file, and a last one that counts the others.

    Parameters
    ----------
    problems
        Of one file.
    most
        How many to keep; a single further one is kept as well.
    """
    rest = iter(problems)
    found = list(islice(rest, most + 1))
    more = 1 + sum(1 for _ in rest)
    if len(found) <= most or more == 1:
        return found
    mend = "mend the rows above first, then start again"
    return [*found[:most], Problem(found[0].file, "further rows", f"{more} more problems", "rows as above", mend)]
