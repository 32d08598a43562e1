"""Operations on domains and their tags.

Source: Amazon SWF API Reference (2012-01-25), RegisterDomain and its neighbours.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.faults import (
    DomainAlreadyExistsFault,
    DomainDeprecatedFault,
    LimitExceededFault,
    TooManyTagsFault,
    UnknownResourceFault,
)
from partita.aws.names import NONE
from partita.ports.session import Session
from partita.swf.front.catalogue import (
    ACTIVITY,
    DEPRECATED,
    REGISTERED,
    WORKFLOW,
    Domain,
    domain_of,
    domains,
    keep_domain,
    keep_type,
    types_of,
)
from partita.swf.front.operations import Answer, Front, Given, looks, writes
from partita.swf.front.paging import page

DAY = 24 * 3600.0
"""Seconds."""


@writes("RegisterDomain")
def register_domain(front: Front, session: Session, given: Given) -> Answer:
    """Make a domain known."""
    known = domains(session)
    name = given["name"]
    if any(domain.name == name for domain in known):
        raise DomainAlreadyExistsFault(name)
    if len(known) >= front.limits.domains:
        raise LimitExceededFault(f"there are {len(known)} domains already")
    tags = {tag["key"]: tag.get("value", "") for tag in given.get("tags", ())}
    _check_tags(front, tags)
    domain = Domain(
        name=name,
        retention=given["workflowExecutionRetentionPeriodInDays"],
        description=given.get("description"),
        tags=tags,
    )
    keep_domain(session, domain, None)
    days = 0 if domain.retention == NONE else int(domain.retention)
    if days:  # without any, executions are kept: Amazon removes them as they close
        session.set_retention(name, days * DAY)
    return None


def _check_tags(front: Front, tags: dict[str, str]) -> None:
    if len(tags) > front.limits.tags:
        raise TooManyTagsFault(f"a domain has at most {front.limits.tags} tags")


@writes("DeprecateDomain")
def deprecate_domain(front: Front, session: Session, given: Given) -> Answer:
    """Let nothing new begin in a domain; its types are deprecated with it."""
    domain = domain_of(session, given["name"])
    if domain.status == DEPRECATED:
        raise DomainDeprecatedFault(domain.name)
    keep_domain(session, replace(domain, status=DEPRECATED), domain)
    for kind in (ACTIVITY, WORKFLOW):
        for type in types_of(session, kind, domain.name):
            if type.status == REGISTERED:
                gone = replace(type, status=DEPRECATED, deprecated_at=session.now)
                keep_type(session, kind, domain.name, gone, type)
    return None


@writes("UndeprecateDomain")
def undeprecate_domain(front: Front, session: Session, given: Given) -> Answer:
    """Take a deprecation back; the domain's types stay as they are."""
    domain = domain_of(session, given["name"])
    if domain.status == REGISTERED:
        raise DomainAlreadyExistsFault(domain.name)
    keep_domain(session, replace(domain, status=REGISTERED), domain)
    return None


def _info(front: Front, domain: Domain) -> Given:
    info = {"name": domain.name, "status": domain.status, "arn": front.arn(domain.name)}
    return info if domain.description is None else {**info, "description": domain.description}


@looks("DescribeDomain")
def describe_domain(front: Front, given: Given) -> Answer:
    """Say how a domain stands."""
    domain = domain_of(front.committed, given["name"])
    return {
        "domainInfo": _info(front, domain),
        "configuration": {"workflowExecutionRetentionPeriodInDays": domain.retention},
    }


@looks("ListDomains")
def list_domains(front: Front, given: Given) -> Answer:
    """List the domains of one status by name."""
    wanted = [one for one in domains(front.committed) if one.status == given["registrationStatus"]]
    if given.get("reverseOrder"):
        wanted.reverse()
    rows = [(domain.name, _info(front, domain)) for domain in wanted]
    infos, more = page(front, "ListDomains", given, rows)
    return {"domainInfos": infos, **more}


# -- tags


def _tagged(front: Front, arn: str) -> str:
    """Return the name of the domain that an ARN stands for."""
    begin, slash, name = arn.partition(":/domain/")
    if not begin.startswith("arn:aws") or not slash:
        raise UnknownResourceFault(f"Unknown resource: {arn}; give {front.arn('NAME')}")
    return name


@looks("ListTagsForResource")
def list_tags_for_resource(front: Front, given: Given) -> Answer:
    """List a domain's tags."""
    tags = domain_of(front.committed, _tagged(front, given["resourceArn"])).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


@writes("TagResource")
def tag_resource(front: Front, session: Session, given: Given) -> Answer:
    """Add tags to a domain, or change their values."""
    domain = domain_of(session, _tagged(front, given["resourceArn"]))
    tags = {**domain.tags, **{tag["key"]: tag.get("value", "") for tag in given["tags"]}}
    _check_tags(front, tags)
    keep_domain(session, replace(domain, tags=tags), domain)
    return None


@writes("UntagResource")
def untag_resource(front: Front, session: Session, given: Given) -> Answer:
    """Take tags from a domain."""
    domain = domain_of(session, _tagged(front, given["resourceArn"]))
    tags = {key: value for key, value in domain.tags.items() if key not in given["tagKeys"]}
    keep_domain(session, replace(domain, tags=tags), domain)
    return None
