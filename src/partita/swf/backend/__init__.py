"""Amazon SWF as a place to run workflows: the Service port over boto3.

`fold` turns SWF's history into ours and our decisions into SWF's; it is pure. `call` is the
only module that imports boto3. Nothing here knows the endpoint that lives beside it.
"""
