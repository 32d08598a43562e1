"""Step Functions' API over an engine on memory, through boto3."""
