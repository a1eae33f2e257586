"""The one tree of errors; each says in a sentence what happened, where, what was expected and what to do.

Exit codes (documented for users in README.md): 0 holds, 1 a safeguard fails, 2 could not be judged,
3 wrong use or input, 70 our own fault. `cli/main.py` alone turns an error into an exit.
"""


class AzukariError(Exception):
    """Anything that azukari reports to its user as a sentence.

    Args:
        message: the sentence.
    """

    exit_code = 70

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SafeguardFails(AzukariError):
    """A promise does not hold on a live server, or a change was rolled back."""

    exit_code = 1


class NotJudged(AzukariError):
    """Something could not be asked, so nothing can be said of it."""

    exit_code = 2


class Unreachable(NotJudged):
    """A host did not answer by the way that was declared."""


class InputError(AzukariError):
    """Wrong use, or a wrong declaration by the user."""

    exit_code = 3


class OwnFault(AzukariError):
    """A defect of azukari itself."""

    exit_code = 70
