"""What the source of a function tells by itself: what it changes, reads later, and names twice.

Reads syntax trees only: knows no types, no JSONata and no state of a lowering.
"""
