"""Methods of texts, lists, tuples and sets that change nothing.

`dispatch` chooses by the type of the receiver; `text_templates` is the table of methods of texts.
Methods that change a list, dict or set are in `containers.changes`, those of classes of the program
in `classes.members`.
"""
