"""The ground: what the database itself must guarantee."""
