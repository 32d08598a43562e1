"""What authors import: activities, workflows, futures, and what workflow code may call."""
