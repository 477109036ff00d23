"""What Prometheus is told: how many requests of each operation, answered how, in what time; how old the directory is.

Of all workers together where `yizhan serve` started them (`prometheus_client` in its multiprocess mode, which an
environment variable decides before it is imported); never anything of who asks, or from where.
"""

import os
from datetime import UTC, datetime
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from geo.directory import Directory

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE = CONTENT_TYPE_LATEST

_requests = Histogram(
    "yizhan_request_seconds", "Seconds until a request was answered.", ["operation", "status"], buckets=BUCKETS
)
_stations = Gauge(
    "yizhan_directory_stations",
    "Published stations in memory, in the process asked last.",
    multiprocess_mode="mostrecent",
)
_age = Gauge(
    "yizhan_directory_age_seconds",
    "Seconds since the directory was last known to be what the database has, in the process asked last.",
    multiprocess_mode="mostrecent",
)


@cache
def _requests_of(operation: str, status: int) -> Histogram:
    return _requests.labels(operation, str(status))


def answered(operation: str, status: int, seconds: float) -> None:
    """Count a request; `operation` is one of a few names, never a path as it was sent."""
    _requests_of(operation, status).observe(seconds)


def exposed(directory: Directory | None) -> bytes:
    """All that is known, in Prometheus' text format."""
    if directory is not None:
        _stations.set(directory.count)
        _age.set((datetime.now(UTC) - directory.as_of).total_seconds())
    if DIRECTORY not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client has no type for it
    return generate_latest(registry)
