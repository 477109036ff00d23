"""What ours is measured against: ASGI applications, run in build/bench-venv, that import nothing of ours."""
