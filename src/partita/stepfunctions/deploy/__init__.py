"""Deploy a compiled workflow to AWS: a function with its activities, and the machine.

`deployment` does it through AWS's API; `functions` and `machines` know one kind of resource each.
`templates` has files for those who deploy by other tools. `policies` reads off a machine what its
role must be allowed to do.
"""
