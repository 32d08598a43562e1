"""Amazon SWF as a place to run workflows: the Service port over AWS's SDK.

`translate_history` turns SWF's history into ours, `translate_decisions` our decisions into SWF's;
both are pure. Nothing here knows the endpoint that lives beside it.
"""
