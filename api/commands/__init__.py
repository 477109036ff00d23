"""One file per family of commands, imported only when one of them is asked for (`api.cli`)."""
