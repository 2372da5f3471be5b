"""The only door to Presidio's anonymizer: its operators, and ours as custom operators of it.

The operators are called one span at a time. Presidio's engine, which takes a whole text, merges findings of one kind
that only blanks part, and would so change characters that no finding covers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from presidio_anonymizer.operators import Operator as PresidioOperator
from presidio_anonymizer.operators import OperatorsFactory, OperatorType

from scanner import dates
from scanner.detectors import presidio
from scanner.redaction import Operator, Treatment
from scanner.surrogates import Surrogates, Value, tag

presidio.silence()


class Pseudonym(PresidioOperator):  # type: ignore[misc]
    """The keyed surrogate of the value: `params` hold `surrogates` and `value`."""

    def operate(self, text: str = "", params: dict[str, Any] | None = None) -> str:
        """The surrogate."""
        assert params is not None
        made: str = params["surrogates"].of(params["value"])
        return made

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Settings are made by this program alone."""

    def operator_name(self) -> str:
        """Name within Presidio."""
        return "scanner_pseudonym"

    def operator_type(self) -> OperatorType:
        """Kind within Presidio."""
        return OperatorType.Anonymize


class KeyedHash(Pseudonym):
    """A keyed hash of the value: `params` also hold `characters`. Presidio's own is not keyed."""

    def operate(self, text: str = "", params: dict[str, Any] | None = None) -> str:
        """The hash, in hexadecimal digits."""
        assert params is not None
        made: str = params["surrogates"].hashed(params["value"], params["characters"])
        return made

    def operator_name(self) -> str:
        """Name within Presidio."""
        return "scanner_hash"


class Generalise(Pseudonym):
    """The value told less exactly: a date's year or month, an address's region; the tag for anything else."""

    def operate(self, text: str = "", params: dict[str, Any] | None = None) -> str:
        """The general value."""
        assert params is not None
        return generalised(text, params["value"].entity, params["to"])

    def operator_name(self) -> str:
        """Name within Presidio."""
        return "scanner_generalise"


_FACTORY = OperatorsFactory()
for _operator in (Pseudonym, KeyedHash, Generalise):
    _FACTORY.add_anonymize_operator(_operator)

_NAMES = {
    Operator.PSEUDONYM: "scanner_pseudonym",
    Operator.HASH: "scanner_hash",
    Operator.GENERALISE: "scanner_generalise",
    Operator.REPLACE: "replace",
    Operator.MASK: "mask",
    Operator.KEEP: "keep",
}

Anonymize = Callable[[Treatment, Value], str]
"""What stands for a value under a treatment of its text."""


def anonymizer(surrogates: Surrogates) -> Anonymize:
    """Applies treatments with Presidio's operators; dropping a cell or a row makes no text and is not for here."""
    made = {operator: _FACTORY.create_operator_class(name, OperatorType.Anonymize) for operator, name in _NAMES.items()}

    def apply(treatment: Treatment, value: Value) -> str:
        params = _params(treatment, value, surrogates)
        return str(made[treatment.operator].operate(value.text, params))

    return apply


def generalised(text: str, entity: str, to: str) -> str:
    """A value told less exactly.

    Args:
        text: the value.
        entity: what it is; dates, addresses and IP addresses can be told less exactly, others become their tag.
        to: `year` or `month`, for dates.
    """
    if entity in ("DATE_TIME", "DATE_OF_BIRTH"):
        return dates.generalised(text, to) or tag(entity)
    if entity == "ADDRESS":
        parts = [part.strip() for part in text.split(",")]
        return re.sub(r"\d+(?:-\d+)?", "", parts[-1]).strip() or tag(entity) if len(parts) > 1 else tag(entity)
    if entity == "IP_ADDRESS" and (match := re.fullmatch(r"(\d+\.\d+\.\d+)\.\d+", text)):
        return f"{match[1]}.0"
    return tag(entity)


def _params(treatment: Treatment, value: Value, surrogates: Surrogates) -> Mapping[str, Any]:
    match treatment.operator:
        case Operator.REPLACE:
            return {"new_value": treatment.text or tag(value.entity), "entity_type": value.entity}
        case Operator.MASK:
            hidden = max(0, len(value.text) - treatment.keep_last)
            return {"masking_char": "*", "chars_to_mask": hidden, "from_end": False}
        case _:
            return {
                "surrogates": surrogates,
                "value": value,
                "characters": treatment.characters,
                "to": treatment.to,
            }
