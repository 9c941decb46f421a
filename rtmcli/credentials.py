"""Addresses without what they give away: user names, passwords, tokens and signatures."""

import re

# What the value of a secret is replaced by.
_MASK = "***"
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_AUTHORITY = re.compile(r"[^/?#]*")
# A host and its port. `user:p` of `user:p/w@host` is none: that password has a slash in it.
_HOST = re.compile(r"[^:]*(:\d*)?|\[[^\]]*\](:\d*)?")
# Keys of a query whose values give access, among them those of signed addresses of S3, Google and Azure.
_QUERY_SECRET = re.compile(
    r"pass|pwd|secret|token|auth|cred|signature|jwt|hmac|session|(^|[-_.])(pas|pw|sig|sas)$|loginpas|key$",
    re.IGNORECASE,
)
# Some cameras take the password in the path: `/user=admin&password=...&channel=1`, also with underscores between.
_PATH_SECRET = re.compile(r"(?<=[/&;_])(pass(?:word|wd)?|pwd)=[^/&;]*", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<=[?&;#])([^=&;#?]*)=([^&;#]*)")


def hide_credentials(text: str) -> str:
    """A text for people with the credentials of every address in it left out, as by `public_address`."""
    return _IN_TEXT.sub(lambda match: public_address(match[0]), text) if "://" in text else text


def public_address(address: str) -> str:
    """An address without user name and password; values of secret parameters, such as `token=`, become `***`.

    Example:
        from rtmcli.credentials import public_address

        assert public_address("rtsp://admin:pw@host/1?token=a&channel=2") == "rtsp://host/1?token=***&channel=2"
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        return address
    rest = address[scheme.end() :]
    authority = _AUTHORITY.match(rest)
    assert authority is not None
    if "@" in authority[0]:
        # A password may hold an @ as well.
        rest = authority[0].rpartition("@")[2] + rest[authority.end() :]
    elif not _HOST.fullmatch(authority[0]):
        rest = rest.rpartition("@")[2]
    begin = min((at for at in map(rest.find, "?#") if at >= 0), default=len(rest))
    path, query = rest[:begin], rest[begin:]
    path = _PATH_SECRET.sub(rf"\1={_MASK}", path)
    return scheme[0] + path + _PARAMETER.sub(_masked, query)


def _masked(parameter: re.Match[str]) -> str:
    """A parameter of a query; one that is masked already stays, with the punctuation that follows it in a sentence."""
    key, value = parameter.groups()
    secret = value and not value.startswith(_MASK) and _QUERY_SECRET.search(key)
    return f"{key}={_MASK}" if secret else parameter[0]
