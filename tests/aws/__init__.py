"""What AWS's services share."""
