"""Can the reproducible operators carry a model out? If not, which of its nodes stand in the way.

The model is read as a program, typed, and laid out in memory for one row; nothing of it is computed but what
follows from shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace
from onnx import ModelProto

from assay.errors import Refused
from assay.modelfile.ports import ROWS, lengths_tried, rows_lost
from assay.modelfile.report import REFEREED, Facts, Finding, Reproducible, Where, finding, legible
from assay.operators import VERSION
from assay.program.graph import Input, Program, Unsupported, label
from assay.program.inferring import infer
from assay.program.planning import plan
from assay.program.reading import program_of
from assay.program.running import Reference

AT_NODE = re.compile(r"/graph/node/(\d+)(?=/|$)")


def reproduce(model: ModelProto, facts: Facts) -> Facts:
    """`facts`, completed: `reproducible`, or findings on what stands in the way, node by node.

    `facts` are of the same model and refuse nothing. A node that is ruled out already is not named again.
    """
    try:
        found, lost = _laid_out(program_of(model), lengths_tried(facts.ports))
    except Refused as error:
        problems = error.problems if isinstance(error, Unsupported) else (error,)
        known = {each.pointer for each in facts.findings if REFEREED in each.modes_ruled_out}
        more = (_finding(model, each) for each in problems)
        return replace(facts, findings=(*facts.findings, *(each for each in more if each.pointer not in known)))
    return replace(facts, findings=(*facts.findings, *lost), reproducible=None if lost else found)


def _laid_out(program: Program, lengths: Sequence[int]) -> tuple[Reproducible, tuple[Finding, ...]]:
    """At the first length of free axes that fits; and the outputs that lack a row for each row. Raises Refused."""
    for length in lengths:
        try:
            planned = plan(program, _shapes(program.inputs, 1, length), Reference())
            several = infer(program, _shapes(program.inputs, ROWS, length))
        except Refused:
            if length == lengths[-1]:
                raise
            continue
        lost = (
            rows_lost(name, ROWS, several[name].shape)
            for name in program.outputs
            if several[name].shape[:1] != (ROWS,)
        )
        return Reproducible(
            version=VERSION,
            memory=program.constant_bytes + planned.memory,
            nodes=len(program.nodes),
            length=length if len(lengths) > 1 else 0,
        ), tuple(lost)
    raise AssertionError("unreachable: the last length returns or raises")


def _shapes(inputs: Iterable[Input], rows: int, length: int) -> dict[str, tuple[int, ...]]:
    """Of the inputs, for so many rows. Axes that share the rows' name are as long."""
    inputs = tuple(inputs)
    named = {each.axes[0]: rows for each in inputs}

    def long(axis: int | str) -> int:
        return axis if isinstance(axis, int) else named.get(axis, length) if axis else length

    return {each.name: (rows, *map(long, each.axes[1:])) for each in inputs}


def _finding(model: ModelProto, problem: Refused) -> Finding:
    """Named by its node, if it is a node's."""
    where: Where = {"pointer": problem.pointer}
    detail = problem.detail
    if at := AT_NODE.match(problem.pointer):
        node = model.graph.node[int(at[1])]
        where = {"pointer": problem.pointer, "node": node.name, "operator": node.op_type}
        detail = detail.removeprefix(f"{label(node.op_type[:100], node.name)}: ")
    return finding(
        problem.code,
        detail,
        level="warning",
        expected=problem.expected,
        got=problem.got,
        hint=legible(problem.hint),
        modes_ruled_out=(REFEREED,),
        **where,
    )
