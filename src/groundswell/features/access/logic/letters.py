"""The words of mails about accounts, and where their links lead."""

from groundswell.core.config import Settings
from groundswell.core.mail.compose import compose
from groundswell.core.mail.types import Letter, Mail
from groundswell.features.access.types import Account
from groundswell.ui.i18n import gettext as _
from groundswell.ui.i18n import ngettext, reader

INVITATION, RESET = "invitation", "password_reset"
_EVERY_ADDRESS = {"0.0.0.0": "localhost", "::": "localhost", "::1": "[::1]"}  # noqa: S104


def address_of_link(settings: Settings, token: str) -> str:
    """The whole address of a set-password link.

    Never from the request's Host header: whoever asks for a reset in somebody else's name would
    choose where the secret goes.
    """
    return f"{base_url(settings)}/set-password?token={token}"


def base_url(settings: Settings) -> str:
    """Where people reach the server; without ``public_url``, this machine."""
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    return (settings.public_url or f"http://{host}:{settings.port}").rstrip("/")


def invitation(
    settings: Settings, account: Account, tenant: str, inviter: str, token: str, days: int
) -> Mail:
    """To somebody to be let in: with the link by which they accept."""
    names = {"tenant": tenant, "inviter": inviter or tenant, "email": account.email}
    if account.password_hash is None:
        said = _("%(inviter)s added you to %(tenant)s. Set a password and you are in.")
        action = _("Set password")
    else:
        said = _("%(inviter)s added you to %(tenant)s. Join with the password of %(email)s.")
        action = _("Join")
    link = address_of_link(settings, token)
    footnote = ngettext(
        "The link works once, for %(num)d day. If you know nothing of it, ignore this mail.",
        "The link works once, for %(num)d days. If you know nothing of it, ignore this mail.",
        days,
    ) % {"num": days}
    letter = Letter(
        subject=_("You are a member of %(tenant)s") % names,
        sender=tenant,
        title=_("Welcome to %(tenant)s") % names,
        paragraphs=(said % names,),
        action=action,
        link=link,
        footnote=footnote,
        language=reader().language,
    )
    return compose(letter, kind=INVITATION, to_address=account.email, to_name=account.name)


def password_reset(settings: Settings, account: Account, tenant: str, token: str) -> Mail:
    """To somebody who forgot their password. Private: an owner must not become another member."""
    names = {"email": account.email}
    letter = Letter(
        subject=_("Set a new password"),
        sender=tenant,
        title=_("Set a new password"),
        paragraphs=(
            _("Somebody, we hope you, asked for a new password for %(email)s.") % names,
            _("When you set one, every session of yours ends."),
        ),
        action=_("Set new password"),
        link=address_of_link(settings, token),
        footnote=_(
            "The link works once, for an hour. If it wasn't you, ignore this mail: "
            "your password stays as it is."
        ),
        language=reader().language,
    )
    return compose(
        letter,
        kind=RESET,
        to_address=account.email,
        to_name=account.name,
        is_private=True,
    )
