"""USE-01: of what comes by itself with an answer, the edge hands on to the forms what sending it takes, and no more."""

from azukari.verify import check, collector, fail_unless_equal, not_applicable
from azukari.verify.nginx_words import of_host
from azukari.verify.website import declared_forms

# What the forms are told of a request besides its body: where it is sent, its kind, and from which page it comes.
HANDED_ON = {
    ("proxy_pass_request_headers", "off"),
    ("proxy_set_header", "Connection", ""),
    ("proxy_set_header", "Host", "$host"),
    ("proxy_set_header", "Content-Type", "$content_type"),
    ("proxy_set_header", "Origin", "$http_origin"),
    ("proxy_set_header", "Sec-Fetch-Site", "$http_sec_fetch_site"),
}
HANDS_ON = {one[0] for one in HANDED_ON} | {"fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"}


@collector()
def headers_handed_on(host):
    """What nginx's settings say of the headers that it hands on: [blocks around it, words]."""
    found, _newer = of_host(host)
    return [[list(one.within), list(one.words)] for one in found if one.words[0] in HANDS_ON]


@check("USE-01", hosts="web", collect=[headers_handed_on])
def test_the_edge_drops_what_is_not_declared(host, site, headers_handed_on):
    """Of what comes by itself with an answer, nginx hands on nothing but what sending it takes: no device's number."""
    if not declared_forms(site):
        not_applicable("the site has no forms")
    # In a block of its own a setting would replace all of those around it, so there is none.
    found = {tuple(words) if within == ["http", "server"] else (*within, *words) for within, words in headers_handed_on}
    where = f"proxy_set_header in /etc/nginx/azukari on {host.name}"
    fail_unless_equal(found=found, promised=HANDED_ON, where=where, what="what is handed on to the forms")
    passed = {words[1].lower() for words in HANDED_ON if words[0] == "proxy_set_header" and words[2]}
    dropped = [name for one in site.policy.dropped for name in one.headers]
    wrong = sorted(name for name in dropped if name.lower() in passed)
    assert not wrong, (
        f"the policy says that {', '.join(wrong)} is dropped, and the forms need it. Where to look: policy.yml."
    )
    return f"dropped: {', '.join(dropped) or 'all others'}"
