"""What is collected goes into evidence by host and collector's name, so that no two collectors of a kind have one."""

import importlib
from collections import defaultdict
from pathlib import Path

from azukari.content import content
from azukari.verify.authoring import CHECK


def test_no_two_collectors_have_one_name():
    found = defaultdict(set)
    for path in sorted(Path(content("checks")).glob("test_*.py")):
        for one in vars(importlib.import_module(f"checks.{path.stem}")).values():
            for collector in getattr(getattr(one, CHECK, None), "collect", ()):
                found[collector.name, collector.scope].add(collector)
    assert len(found) > 40
    assert {
        name: sorted(one.function.__module__ for one in each) for name, each in found.items() if len(each) > 1
    } == {}
