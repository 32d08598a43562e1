"""What AWS's services share: protocol, shapes, signatures, tokens, paging, faults, Lambda, S3."""
