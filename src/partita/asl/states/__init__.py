"""The eight types of states: what each does when it is visited."""
