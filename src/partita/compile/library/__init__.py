"""Functions of Python's standard library: math, json, base64, hashlib, functools, collections.

`table` names what lowers each. Values of datetime are in `values.moments`, asyncio in
`concurrency`.
"""
