"""Gymnasium environments over the engine's own market and ledger, and the agents that are trained in them."""
