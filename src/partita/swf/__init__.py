"""Amazon SWF: its wire protocol over any service that keeps histories, and a service over SWF.

`wire_format` translates between our structs and SWF's JSON, for both. `front` is the endpoint: what
AWS's SDKs and CLI meet when they are pointed at `partita serve --protocol swf`. `backend` is the
service at `swf://` URLs.
"""
