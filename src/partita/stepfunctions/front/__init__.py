"""Step Functions' API over a transactional service."""
