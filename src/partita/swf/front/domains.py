"""Operations on domains and their tags.

Source: Amazon SWF API Reference (2012-01-25), RegisterDomain and its neighbours.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.session import Session
from partita.swf.faults import (
    DomainAlreadyExistsFault,
    DomainDeprecatedFault,
    LimitExceededFault,
    TooManyTagsFault,
    UnknownResourceFault,
)
from partita.swf.front.catalogue import (
    ACTIVITY,
    DEPRECATED,
    REGISTERED,
    WORKFLOW,
    Domain,
    domain_of,
    domains,
    enter_domain,
    enter_type,
    types_of,
)
from partita.swf.front.front import Front, Read, Write
from partita.swf.wire_format import NONE

DAY_SECONDS = 24 * 3600.0


def register_domain(front: Front, session: Session, request: Members) -> Answer:
    """Register a domain."""
    known = domains(session)
    name = request["name"]
    if any(domain.name == name for domain in known):
        raise DomainAlreadyExistsFault(name)
    if len(known) >= front.limits.domains:
        raise LimitExceededFault(f"there are {len(known)} domains already")
    tags = {tag["key"]: tag.get("value", "") for tag in request.get("tags", ())}
    _check_tags(front, tags)
    domain = Domain(
        name=name,
        retention=request["workflowExecutionRetentionPeriodInDays"],
        description=request.get("description"),
        tags=tags,
    )
    enter_domain(session, domain, None)
    days = 0 if domain.retention == NONE else int(domain.retention)
    if days:  # without any, executions are kept: Amazon removes them as they close
        session.set_retention(name, days * DAY_SECONDS)
    return None


def _check_tags(front: Front, tags: dict[str, str]) -> None:
    if len(tags) > front.limits.tags:
        raise TooManyTagsFault(f"a domain has at most {front.limits.tags} tags")


def deprecate_domain(front: Front, session: Session, request: Members) -> Answer:
    """Deprecate a domain, in which nothing new can begin then, and its types."""
    domain = domain_of(session, request["name"])
    if domain.status == DEPRECATED:
        raise DomainDeprecatedFault(domain.name)
    enter_domain(session, replace(domain, status=DEPRECATED), domain)
    for kind in (ACTIVITY, WORKFLOW):
        for type in types_of(session, kind, domain.name):
            if type.status == REGISTERED:
                gone = replace(type, status=DEPRECATED, deprecated_at=session.now)
                enter_type(session, kind, domain.name, gone, type)
    return None


def undeprecate_domain(front: Front, session: Session, request: Members) -> Answer:
    """Allow new executions in a deprecated domain again; its types stay as they are."""
    domain = domain_of(session, request["name"])
    if domain.status == REGISTERED:
        raise DomainAlreadyExistsFault(domain.name)
    enter_domain(session, replace(domain, status=REGISTERED), domain)
    return None


def _info(front: Front, domain: Domain) -> Members:
    info = {"name": domain.name, "status": domain.status, "arn": front.arn(domain.name)}
    return info if domain.description is None else {**info, "description": domain.description}


def describe_domain(front: Front, request: Members) -> Answer:
    """Return a domain and its configuration."""
    domain = domain_of(front.committed, request["name"])
    return {
        "domainInfo": _info(front, domain),
        "configuration": {"workflowExecutionRetentionPeriodInDays": domain.retention},
    }


def list_domains(front: Front, request: Members) -> Answer:
    """List the domains of one status by name."""
    status, backwards = request["registrationStatus"], bool(request.get("reverseOrder"))
    wanted = [domain for domain in domains(front.committed) if domain.status == status]
    wanted.sort(key=lambda domain: domain.name, reverse=backwards)
    rows = [(domain.name, _info(front, domain)) for domain in wanted]
    infos, more = front.pager.page("ListDomains", request, rows, backwards=backwards)
    return {"domainInfos": infos, **more}


# -- tags


def _tagged(front: Front, arn: str) -> str:
    """Return the name of the domain that an ARN stands for."""
    begin, slash, name = arn.partition(":/domain/")
    if not begin.startswith("arn:aws") or not slash:
        raise UnknownResourceFault(f"Unknown resource: {arn}; give {front.arn('NAME')}")
    return name


def list_tags_for_resource(front: Front, request: Members) -> Answer:
    """List a domain's tags."""
    tags = domain_of(front.committed, _tagged(front, request["resourceArn"])).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def tag_resource(front: Front, session: Session, request: Members) -> Answer:
    """Add tags to a domain, or change their values."""
    domain = domain_of(session, _tagged(front, request["resourceArn"]))
    tags = {**domain.tags, **{tag["key"]: tag.get("value", "") for tag in request["tags"]}}
    _check_tags(front, tags)
    enter_domain(session, replace(domain, tags=tags), domain)
    return None


def untag_resource(front: Front, session: Session, request: Members) -> Answer:
    """Remove tags from a domain."""
    domain = domain_of(session, _tagged(front, request["resourceArn"]))
    tags = {key: value for key, value in domain.tags.items() if key not in request["tagKeys"]}
    enter_domain(session, replace(domain, tags=tags), domain)
    return None


WRITES: dict[str, Write] = {
    "RegisterDomain": register_domain,
    "DeprecateDomain": deprecate_domain,
    "UndeprecateDomain": undeprecate_domain,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
READS: dict[str, Read] = {
    "DescribeDomain": describe_domain,
    "ListDomains": list_domains,
    "ListTagsForResource": list_tags_for_resource,
}
