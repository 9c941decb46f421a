"""What a network's raw maps cost against a batch's labels: assigner and losses put together."""
