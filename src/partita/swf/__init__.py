"""Amazon SWF: its JSON, and its wire protocol spoken over the embedded engine.

`names`, `events`, `decisions` and `infos` translate between our structs and SWF's JSON, in
both directions. The rest is the endpoint: what AWS's SDKs and CLI meet when they are pointed
at `partita serve --protocol swf`.
"""
