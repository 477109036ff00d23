"""One file per word of the API; each route makes one call into ``geo``."""
