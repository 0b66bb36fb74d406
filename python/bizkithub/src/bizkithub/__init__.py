"""Puts groups on BizKitHub customers, for one customer or for ten million rows.

Begin with `Client` or, for asyncio, `AsyncClient`; `Sandbox` is the API on your own machine. All errors are
`BizKitHubError`.
"""

from bizkithub._native import VERSION
from bizkithub.async_client import AsyncClient
from bizkithub.bill import Bill, BillGroup, BillTime
from bizkithub.client import Client
from bizkithub.errors import (
    ApiKeyError,
    BizKitHubError,
    InternalError,
    InvalidInputError,
    LedgerError,
    NetworkError,
    PermissionDeniedError,
    QuotaError,
    RejectedError,
    ServerError,
)
from bizkithub.plan import AsyncPlan, Plan
from bizkithub.progress import Progress
from bizkithub.reason import Reason
from bizkithub.receipt import Quota, Receipt
from bizkithub.report import Outcomes, QuotaPoint, Report
from bizkithub.row_outcome import RowOutcome
from bizkithub.sandbox import Sandbox
from bizkithub.slugs import slug

__version__ = VERSION

__all__ = [
    "ApiKeyError",
    "AsyncClient",
    "AsyncPlan",
    "Bill",
    "BillGroup",
    "BillTime",
    "BizKitHubError",
    "Client",
    "InternalError",
    "InvalidInputError",
    "LedgerError",
    "NetworkError",
    "Outcomes",
    "PermissionDeniedError",
    "Plan",
    "Progress",
    "Quota",
    "QuotaError",
    "QuotaPoint",
    "Reason",
    "Receipt",
    "RejectedError",
    "Report",
    "RowOutcome",
    "Sandbox",
    "ServerError",
    "__version__",
    "slug",
]
