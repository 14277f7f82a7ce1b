"""The page of failures says of each reason what the code says of it."""

import re

from agent_runtime.domain.reasons import Reason, failure_class
from agent_runtime.domain.retries import RETRY_CLASSES
from tidy.tree import ROOT

ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \|", re.MULTILINE)


def test_each_reason_stands_on_the_page_of_failures_with_its_class() -> None:
    page = (ROOT / "docs/reference/failures.md").read_text(encoding="utf-8")

    assert dict(ROW.findall(page)) == {str(reason): str(failure_class(reason)) for reason in Reason}
    assert all(f"`retries.{kind}`" in page for kind in RETRY_CLASSES)
