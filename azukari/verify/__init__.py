"""Asks the servers, tries what must be refused, and judges: five verdicts, by plain pytest checks.

Authors of checks write `from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated`.
"""

from azukari.verify.authoring import check, collector, fail_unless_equal, not_applicable, not_evaluated

__all__ = ["check", "collector", "fail_unless_equal", "not_applicable", "not_evaluated"]
