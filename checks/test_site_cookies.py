"""USE-03: cookies serve declared purposes only, on the own domain, with safe attributes and a bounded life.

That no other cookie is set is USE-01's, in checks/test_site_collects.py.
"""

from azukari.verify import check, not_evaluated
from azukari.verify.website import COMES_BACK, browsed, set_cookies, visit, visited

# The same for everybody: what only says that somebody was here recognises nobody.
VALUE = "1"
CLOCK = 60  # seconds that a browser's clock and its server's may differ
SAME_SITE = {"Lax", "Strict"}  # a cookie for `None` goes along with other sites' requests


def cookie_findings(line, declared):
    """Return a sentence for each way in which a cookie is not as promised.

    Args:
        line: as the answer's header sets it (RFC 6265, section 4.1).
        declared: {name: cookie} of the policy.
    """
    pair, *rest = [part.strip() for part in line.split(";")]
    name, _, value = pair.partition("=")
    if name not in declared:
        return [f"“{name}” is not declared"]
    said = [(key.strip().lower(), given.strip()) for key, _, given in (part.partition("=") for part in rest)]
    attributes, life = dict(said), declared[name].days * 86400
    findings = [] if value == VALUE else [f"“{name}” does not say the same of everybody: “{value}”"]
    findings += [f"“{name}” is not {what}" for what in ("Secure", "HttpOnly") if what.lower() not in attributes]
    if attributes.get("samesite") not in SAME_SITE:
        findings.append(f"“{name}” goes along with other sites' requests: SameSite is {attributes.get('samesite')}")
    if attributes.get("path") != "/":
        findings.append(f"“{name}” is for the path {attributes.get('path')}, promised is /")
    if attributes.get("max-age") != str(life):
        findings.append(f"“{name}” stays {attributes.get('max-age', 'an unsaid number of')} s, promised are {life} s")
    more = sorted({key for key, _ in said} - {"secure", "httponly", "samesite", "path", "max-age"})
    findings += [f"“{name}” says more: {', '.join(more)}"] if more else []
    return findings + ([f"“{name}” says something twice"] if len(attributes) != len(said) else [])


@check("USE-03", proof="attempt", hosts="web", collect=[visit])
def test_cookies_serve_their_purpose_alone(host, site, visit):
    """A cookie is a declared one, the same for everybody, for this site alone, safe, and set once in its days."""
    declared = {cookie.name: cookie for cookie in site.policy.cookies}
    found = set_cookies(visited(visit))
    findings = {
        f"{finding} (set by {what})": None for what, line in found for finding in cookie_findings(line, declared)
    }
    files = [what for what, _ in found if what in visit["pages"] and not what.endswith("/")]
    beside = [what for what, _ in found if what in visit["errors"] or what in visit["hidden"] or what in files]
    findings |= {f"{what} is no page, and sets a cookie": None for what in beside}
    if any(what == COMES_BACK for what, _ in found):
        findings["a visitor who has the cookie is given it anew: it never ends"] = None
    where = f"add_header and map in /etc/nginx/nginx.conf on {host.name}"
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    status = visit.get("returning", {}).get("status")
    if status != 200:
        not_evaluated(f"who comes back is answered with {status or 'nothing'}")
    return f"{len(found)} times set, each as declared; not to who comes back"


def left_findings(one, declared, names):
    """Return a clause for each way in which a cookie that a browser holds is not as declared and promised.

    Args:
        one: the cookie, as the browser tells of it; `lives` in seconds.
        declared: {name: cookie} of the policy.
        names: the site's own.
    """
    if one["name"] not in declared:
        return ["is not declared"]
    findings = []
    if one["domain"] not in names:  # of one for every name below, it has a dot in front
        findings.append(f"is sent to all of {one['domain'].lstrip('.')}, not to the site's own name alone")
    findings += ["lacks Secure"] if not one["secure"] else []
    findings += ["lacks HttpOnly"] if not one["http_only"] else []
    if one["same_site"] not in SAME_SITE:
        findings.append(f"has SameSite={one['same_site'] or 'nothing'}, promised is Lax or Strict")
    days = declared[one["name"]].days
    if one["lives"] is None:
        findings.append(f"has no end, promised is {days} days")
    elif one["lives"] > days * 86400 + CLOCK:
        findings.append(f"lives {one['lives'] / 86400:.0f} days, promised is {days}")
    return findings


@check("USE-03", proof="attempt", hosts="web", collect=[browsed])
def test_a_browser_is_left_with_declared_cookies(host, site, browsed):
    """Of all that a browser holds after it has seen every page, each cookie is declared, safe, and ends in time."""
    left = visited(browsed)["cookies"]
    declared = {cookie.name: cookie for cookie in site.policy.cookies}
    own = site.settings.names
    findings = {f"“{one['name']}” {said}": None for one in left for said in left_findings(one, declared, own)}
    where = f"add_header, userid and proxy_pass in /etc/nginx on {host.name}, and the application behind it"
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    unseen = [path for path, page in browsed["pages"].items() if page["status"] not in (200, 404)]
    if unseen:
        not_evaluated(f"the browser was not shown {', '.join(unseen)}")
    names = sorted({one["name"] for one in left})
    return f"cookies: {', '.join(names) or 'none'}; declared: {', '.join(sorted(declared)) or 'none'}"
