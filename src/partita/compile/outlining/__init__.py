"""Make generated steps of expressions that JSONata has not, but Python has.

`purity` tells which expressions may be steps, `steps` replaces them after a failed compilation,
`step_guard` checks in the bundle what they do. Lowers nothing itself.
"""

from partita.compile.outlining.steps import outlining

__all__ = ["outlining"]
