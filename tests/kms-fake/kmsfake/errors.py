"""What a call can end with, besides an answer."""

from __future__ import annotations


class AwsError(Exception):
    """An error as AWS answers it: its code is what a client branches on."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Unsupported(Exception):
    """The fake cannot tell what AWS would do.

    It becomes HTTP 501, which no SDK retries and no client mistakes for an answer of AWS: a test that comes here has
    left what the fake knows, and must not pass.
    """


def validation(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    return AwsError("NotFoundException", message)


def invalid_state(message: str) -> AwsError:
    return AwsError("KMSInvalidStateException", message)


def unsupported_operation(message: str) -> AwsError:
    return AwsError("UnsupportedOperationException", message)


def access_denied(message: str) -> AwsError:
    return AwsError("AccessDeniedException", message)
