from .engine import Oracle
from .model import Market, OracleResult, Settings

__all__ = ["Market", "Oracle", "OracleResult", "Settings"]
