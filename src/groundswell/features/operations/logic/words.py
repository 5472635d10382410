"""Audit rows as sentences a person reads: who did what to what."""

from collections.abc import Mapping

from groundswell.features.operations.types import Party
from groundswell.ui.i18n import gettext as _


def sentence(action: str, actor: Party, target: Party) -> str:
    """``Mira revoked key “Website”``; an action without words of its own is named as it is."""
    words = patterns().get(action)
    values = {"actor": actor_name(actor), "target": target_name(target), "action": action}
    return (words or _("%(actor)s: %(action)s, %(target)s")) % values


def patterns() -> Mapping[str, str]:
    """Sentences by action, in the reader's language."""
    return {
        "audit.exported": _("%(actor)s exported the audit log"),
        "customer_secret.created": _("%(actor)s made the signing secret for customer tokens"),
        "customer_secret.revealed": _("%(actor)s looked at the signing secret"),
        "customer_secret.rotated": _("%(actor)s replaced the signing secret for customer tokens"),
        "exchange_rates.set": _("%(actor)s set exchange rates"),
        "import.finished": _("%(actor)s finished import %(target)s"),
        "import.started": _("%(actor)s started import %(target)s"),
        "job.retried": _("%(actor)s ran job %(target)s again"),
        "jobs.retried": _("%(actor)s ran all failed jobs again"),
        "key.created": _("%(actor)s created key %(target)s"),
        "key.revoked": _("%(actor)s revoked key %(target)s"),
        "key.rotated": _("%(actor)s rotated key %(target)s"),
        "mail.resent": _("%(actor)s sent mail %(target)s again"),
        "member.added": _("%(actor)s added %(target)s"),
        "member.joined": _("%(actor)s accepted the invitation"),
        "member.link_renewed": _("%(actor)s made a new invitation for %(target)s"),
        "member.password_changed": _("%(actor)s changed the password of their account"),
        "member.removed": _("%(actor)s removed %(target)s"),
        "member.renamed": _("%(actor)s changed the name of their account"),
        "member.role_changed": _("%(actor)s changed the role of %(target)s"),
        "member.sessions_ended": _("%(actor)s ended sessions of their account"),
        "order.recorded": _("%(actor)s recorded order %(target)s"),
        "order.refunded": _("%(actor)s refunded order %(target)s"),
        "orders.recorded": _("%(actor)s recorded several orders"),
        "person.changed": _("%(actor)s changed properties of person %(target)s"),
        "person.merged": _("%(actor)s merged another person into person %(target)s"),
        "person.unmerged": _("%(actor)s took a merge into person %(target)s apart"),
        "reconciliation.differed": _("%(actor)s found rows that differ in the event store"),
        "signal.retried": _("%(actor)s delivered signal %(target)s again"),
        "tenant.changed": _("%(actor)s changed the workspace"),
        "tenant.created": _("%(actor)s created the workspace"),
    }


def actor_name(actor: Party) -> str:
    """The actor in a sentence."""
    if actor.kind == "system":
        return _("Groundswell")
    if actor.name:
        return _("Key “%(name)s”") % {"name": actor.name} if actor.kind == "key" else actor.name
    unnamed = {
        "member": _("A former member"),
        "key": _("A deleted key"),
        "person": _("Person %(id)s") % {"id": short(actor.id)},
    }
    return unnamed.get(actor.kind, short(actor.id))


def target_name(target: Party) -> str:
    """The target in a sentence; without a name the end of its id."""
    if not target.name:
        return short(target.id)
    return target.name if target.kind == "member" else f"“{target.name}”"


def short(text: str) -> str:
    """An id as people quote it: the last eight letters of a long one."""
    return text if len(text) <= 12 else f"…{text[-8:]}"
