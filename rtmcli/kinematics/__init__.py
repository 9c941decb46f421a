"""Joint and segment angles of people, and how fast they change (numpy)."""
