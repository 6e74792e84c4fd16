"""Whether masks are as random as they are promised to be: `fastdrop verify`."""

from fastdrop.verify.command import main
from fastdrop.verify.table import planted, verify

__all__ = ["main", "planted", "verify"]
