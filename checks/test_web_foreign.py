"""USE-06: no page asks anybody else for anything, and none refers to anybody else.

Where the hosts themselves may go is judged by USE-06 in checks/test_proxy.py, from the proxy's record.
"""

from urllib.parse import urlsplit

from azukari.verify import check, not_evaluated
from azukari.verify.references import foreign, of_headers, of_page, of_stylesheet
from azukari.verify.website import browsed, form_pages, home_pages, visit, visited


def asked_of_others(browsed, names):
    """Return a sentence for each request of a page that was meant for anybody but the site, answered or not."""
    found = []
    for path, page in browsed["pages"].items():
        for one in page["requests"]:
            to = urlsplit(one["url"])
            if to.hostname not in names or to.scheme not in ("http", "https") or to.port not in (None, 80, 443):
                found.append(f"{path} asked for {one['url']} ({one['kind']})")
    return list(dict.fromkeys(found))


@check("USE-06", proof="attempt", hosts="web", collect=[browsed])
def test_pages_ask_the_site_alone(host, site, browsed):
    """Opened in a browser, every page and form asks the site's own names for what it needs, and nobody else."""
    pages = visited(browsed)["pages"]
    findings = asked_of_others(browsed, set(site.settings.names))
    where = f"the page, its stylesheet and Content-Security-Policy in /etc/nginx on {host.name}"
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    wanted = [*home_pages(site), *form_pages(site)]
    unseen = [path for path in dict.fromkeys([*wanted, *pages]) if not shown(pages.get(path))]
    if unseen:
        not_evaluated(f"the browser was not shown {', '.join(unseen)}")
    asked = sum(len(page["requests"]) for page in pages.values())
    return f"{len(pages)} pages in {browsed['browser']}, {asked} requests, all for {', '.join(site.settings.names)}"


def shown(page):
    """Tell whether a page was shown with all its parts; the page that says that there is none counts."""
    if page is None or page["status"] not in (200, 404) or not page["requests"]:
        return False
    return all(one["stopped"] in ("", "csp") for one in page["requests"])


@check("USE-06", proof="attempt", hosts="web", collect=[visit])
def test_no_page_refers_elsewhere(host, site, visit):
    """No page, stylesheet, picture, form or header names anybody else whom a browser would ask, or send to."""
    answers = {**visited(visit)["pages"], **visit["forms"], **visit["errors"], **visit["hidden"]}
    for name in ("homes", "redirects"):
        answers |= {f"{name} at {address}": reply for address, reply in visit[name].items()}
    names, findings = site.settings.names, []
    for what, reply in answers.items():
        base = f"https://{names[0]}{what if what.startswith('/') else '/'}"
        text, kind = reply.get("text", ""), reply["headers"].get("content-type", "")
        said = [("the stylesheet", url) for url in of_stylesheet(text)] if "css" in kind else of_page(text)
        said += of_headers(reply["headers"])
        findings += [f"{what}: {finding}" for finding in foreign(said, base, names)]
    assert not findings, (
        f"{'; '.join(dict.fromkeys(findings))}. Where to look: the release and /etc/nginx on {host.name}, the forms."
    )
    return f"{len(answers)} answers refer to {', '.join(names)} alone"
