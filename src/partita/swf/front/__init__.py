"""Speak Amazon SWF's wire protocol over the embedded engine."""
