"""Ask a Qunxiang server about insured groups, from scripts and notebooks.

>>> import qunxiang as qx
>>> client = qx.connect()
>>> answer = client.ask("I3", window=("2017-01-01", "2017-12-31"), coarse=True,
...                     accuracy="5% at 1000", max_cost=0.3)  # doctest: +SKIP

Prices are shown before anything is spent, a lost connection never pays twice, and the
receipt of every answer is verified when it arrives.
"""

from . import problems
from ._version import __version__
from .client import Client, connect
from .credentials import Credentials, Identity
from .errors import (
    AnswerError,
    ConnectionLost,
    CredentialsError,
    Interrupted,
    KeysChanged,
    MissingExtra,
    NotConfirmed,
    Problem,
    QunxiangError,
    ReceiptError,
)
from .estimate import Budgets, Estimate, ExpectedError, ScopeShare
from .receipt import Keys, Receipt, verify
from .register import Register
from .release import Release
from .template import Catalogue, Measure, Parameter, Template, TemplateEntry
from .ticket import Asked, History, Ticket

__all__ = [
    "AnswerError",
    "Asked",
    "Budgets",
    "Catalogue",
    "Client",
    "ConnectionLost",
    "Credentials",
    "CredentialsError",
    "Estimate",
    "ExpectedError",
    "History",
    "Identity",
    "Interrupted",
    "Keys",
    "KeysChanged",
    "Measure",
    "MissingExtra",
    "NotConfirmed",
    "Parameter",
    "Problem",
    "QunxiangError",
    "Receipt",
    "ReceiptError",
    "Register",
    "Release",
    "ScopeShare",
    "Template",
    "TemplateEntry",
    "Ticket",
    "__version__",
    "connect",
    "problems",
    "verify",
]
