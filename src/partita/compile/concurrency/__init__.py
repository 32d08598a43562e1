"""What runs concurrently: submitted calls, coroutines, task groups, and the futures of all these.

`branches` makes branches of the tree, `outcomes` says what a future is. Knows no `Parallel` or
`Map` state of a machine.
"""
