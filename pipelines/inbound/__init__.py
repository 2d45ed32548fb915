"""What other services send to a project's hooks becomes platform events."""
