"""Read the data sets of distributed Map states, in pages.

`pages.read_items` is the entry: an activity reads one page from a position on and returns the
items and the next position, both as JSON. The same position gives the same page, whoever reads
it and however often, as long as the objects have not changed; if one has, the read fails.

`csv_rows`, `json_lines`, `json_arrays` and `parquet_rows` read one object each; `listings` and
`manifests` read many. No more than a page, and one record, is in memory at a time.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)".
"""
