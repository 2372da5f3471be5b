"""The risk model's public door: `assess(Case(...))` turns counts into read-outs with their uncertainty."""

from scanner.risk.assessment import (
    Assessment,
    Case,
    Readouts,
    State,
    TableRisk,
    assess,
    reweighed,
    score,
    variance_shares,
)
from scanner.risk.harm import NONE_LEFT, EntityRisk, Left
from scanner.risk.posterior import Calibration, Measured, parse_calibration
from scanner.risk.tables import Table
from scanner.risk.terms import Card, Terms, completed

__all__ = [
    "NONE_LEFT",
    "Assessment",
    "Calibration",
    "Card",
    "Case",
    "EntityRisk",
    "Left",
    "Measured",
    "Readouts",
    "State",
    "Table",
    "TableRisk",
    "Terms",
    "assess",
    "completed",
    "parse_calibration",
    "reweighed",
    "score",
    "variance_shares",
]
