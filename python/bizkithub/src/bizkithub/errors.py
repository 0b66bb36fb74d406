"""The exceptions of `bizkithub`: one class for each `kind`, all of them `BizKitHubError`."""

from __future__ import annotations

from bizkithub._json import snake
from bizkithub._typing import override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


class BizKitHubError(Exception):
    """The root of all errors of this package. `str(error)` says what happened, where, the code, and what to do now.

    No error contains the API key. Errors can be pickled with all their attributes, by which they compare too.
    """

    kind: str = "internal"
    """The family of the error, the same in every language: the class says the same."""
    message: str = ""
    """What happened, in a sentence. The wording may change between versions: decide on `kind` or `code`."""
    code: str | None = None
    """The server's code, in capitals and kept even when unknown, or one of this client's, in lower case."""
    status: int | None = None
    """The HTTP status of the answer, if there was one."""
    request_id: str | None = None
    """The server's name for the request, if its answer gave one: quote it when you ask about the request."""
    field: str | None = None
    """The argument at fault: `api_key`, `base_url`, `ca_file`, `customer`, `cu_ref_no`, `email`, `groups` or
    `proxy`.
    """
    row: int | None = None
    """The row at fault; rows count from 1."""
    line: int | None = None
    """The line of the input file at fault; lines count from 1, the header included."""
    advice: str | None = None
    """What to do now, if there is something to do."""
    retry_after: float | None = None
    """How many seconds the server asks to wait before the next try, counted from its answer."""
    retry_at: datetime | None = None
    """The moment from which a next try makes sense, in UTC."""
    doc_url: str | None = None
    """The vendor's page about the code, for codes of the server."""
    is_retryable: bool = False
    """Whether the same call may succeed later."""
    attempts: int = 0
    """How many requests were sent before this error: 0 when it was found before sending."""

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BizKitHubError) or type(other) is not type(self):
            return NotImplemented
        names = ("args", *BizKitHubError.__annotations__)
        return all(getattr(self, name) == getattr(other, name) for name in names)

    @override
    def __hash__(self) -> int:
        return hash((type(self), self.args))


class InvalidInputError(BizKitHubError, ValueError):
    """An argument or an input file is not valid. It was refused before anything was sent."""

    kind = "invalid_input"


class ApiKeyError(BizKitHubError):
    """The server does not accept the API key. No other call with it can succeed."""

    kind = "api_key"


class PermissionDeniedError(BizKitHubError):
    """The key is known but may not do this. No other call with it can succeed."""

    kind = "permission"


class RejectedError(BizKitHubError):
    """The server refused this customer or its groups; other customers are not concerned."""

    kind = "rejected"


class QuotaError(BizKitHubError):
    """The quota is used up; `retry_at` says when it comes back, if the server told."""

    kind = "quota"


class ServerError(BizKitHubError):
    """The server failed, or what answered is not the API."""

    kind = "server"


class NetworkError(BizKitHubError):
    """No answer arrived: no connection, a reset, a timeout. The same call may be made again safely."""

    kind = "network"


class LedgerError(BizKitHubError):
    """The ledger cannot be read or written. What a report counts as applied is in it all the same."""

    kind = "ledger"


class InternalError(BizKitHubError):
    """A defect of this package. Please report it with its message."""

    kind = "internal"


_CLASS_OF_KIND = {cls.kind: cls for cls in BizKitHubError.__subclasses__()}


def from_values(text: str, values: dict[str, Any]) -> BizKitHubError:
    """Make the exception of an error's kind from what the native side hands over."""
    error = _CLASS_OF_KIND.get(values["kind"], BizKitHubError)(text)
    if values["field"] is not None:
        values["field"] = snake(values["field"])
    error.__dict__.update(values)
    return error
