"""The doors: HTTP and the command line. They translate and delegate; rules live in ``geo``."""
