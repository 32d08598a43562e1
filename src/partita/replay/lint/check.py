"""Check Python source: read it, walk through its workflow code, and return what is found.

Reads the source alone: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

import ast
import warnings

from partita.replay.lint.binder import bind
from partita.replay.lint.finding import Finding, ignored, is_silenced
from partita.replay.lint.reach import Reach
from partita.replay.lint.report import Report
from partita.replay.lint.walk import Walk


def check_source(source: str, filename: str) -> list[Finding]:
    """Return what the workflow code in a Python source does that a replay would not repeat.

    In the order of rows and columns. Source that Python cannot parse is one finding, PAR001.
    Never raises for what the source says.
    """
    report = Report(source, filename)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes and the like: others say these
            tree = ast.parse(source)
        _walk(tree, report)
    except SyntaxError as error:
        return [report.unreadable(error.msg, error.lineno or 1, error.offset or 1)]
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; absurdly deep
        return [report.unreadable(str(error) or "it is nested too deeply", 1, 1)]
    silenced = ignored(source)
    return sorted(found for found in report.findings if not is_silenced(found, silenced))


def _walk(tree: ast.Module, report: Report) -> None:
    reach = Reach(bind(tree))
    walk = Walk(reach, report)
    for root in reach.roots:
        if root.function.node not in reach.handed:
            walk.begin(root)
