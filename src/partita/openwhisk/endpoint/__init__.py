"""A local OpenWhisk over a transactional service: its REST API, and what runs actions."""
