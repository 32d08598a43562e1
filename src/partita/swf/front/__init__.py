"""Amazon SWF's wire protocol over any service that is `Transactional`."""
