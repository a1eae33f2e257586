"""What a page, a stylesheet or a header refers to, in all the ways in which browsers take it."""

import pytest

from azukari.verify.references import foreign, of_headers, of_page, of_stylesheet

BASE, NAMES = "https://www.lab.test/en/", ["www.lab.test"]


def leads_away(references):
    return foreign(references, BASE, NAMES)


AWAY = [
    '<link rel="stylesheet" href="https://fonts.example/css?family=x">',
    '<link rel=dns-prefetch href="//fonts.example">',
    "<link rel=preconnect href=HTTPS:fonts.example>",
    '<link rel="icon" href="\\\\fonts.example/x.ico">',
    '<script src="https:\t//cdn.example/x.js"></script>',
    '<img src="/\\pixel.example/x.gif">',
    '<img src="x.png" srcset="x.png 1x,//pixel.example/x.gif 2x">',
    '<source srcset="//pixel.example/x.gif">',
    '<a href="/" ping="https://count.example/">x</a>',
    '<form action="https://forms.example/take"><button>x</button></form>',
    '<form action="mailto:somebody@forms.example"></form>',
    '<button formaction="https://forms.example/take">x</button>',
    '<meta http-equiv="Refresh" content="0; URL=\'https://elsewhere.example/\'">',
    '<base href="https://elsewhere.example/">',
    '<iframe src="https://video.example/x"></iframe>',
    '<iframe srcdoc="&lt;img src=https://pixel.example/x&gt;"></iframe>',
    '<object data="https://video.example/x"></object>',
    '<video poster="https://video.example/x"></video>',
    '<svg><use xlink:href="https://icons.example/x#y"/></svg>',
    "<noscript><img src=//pixel.example/x.gif></noscript>",
    "<style>@import 'https://fonts.example/css';</style>",
    '<p style="background: url(//pixel.example/x.gif)">x</p>',
    '<img src="https://www.lab.test.example/x.gif">',
    '<img src="https://www.lab.test@pixel.example/x.gif">',
    '<img src="https://www.lab.test:8443/x.gif">',
    '<img src="wss://pixel.example/">',
    '<img src="https://pixel.example/1" src="/2.gif">',
]
OWN = [
    '<link rel="stylesheet" href="/assets/site.css"><img src="x.png" srcset="/x.png 1x, /y.png 2x">',
    '<link rel="canonical" href="https://www.lab.test/en/"><form action=""></form>',
    '<a href="https://shop.example/" rel="external noopener noreferrer">Shop (external site)</a>',
    '<svg xmlns="http://www.w3.org/2000/svg"><a href="https://shop.example/"><path d="M0"/></a></svg>',
    '<img src="data:image/gif;base64,R0lGOD//AAA="><meta http-equiv="refresh" content="300">',
    '<meta http-equiv="refresh" content="0; url=/ja/"><p>https://in.words.example/</p><!-- <img src=//x.example> -->',
]


@pytest.mark.parametrize("text", AWAY)
def test_whatever_leads_away_is_found(text):
    assert leads_away(of_page(text))


@pytest.mark.parametrize("text", OWN)
def test_what_stays_and_what_is_clicked_is_not(text):
    assert leads_away(of_page(text)) == []


STYLES = [
    "@font-face { src: url(https://fonts.example/x.woff2) }",
    "@font-face { src: url( 'https://fonts.example/x.woff2' ) format('woff2') }",
    '@import "//fonts.example/css" screen;',
    "@IMPORT url(//fonts.example/css);",
    "p { background: image-set(url(https://pixel.example/x) 1x) }",
    'p { background: image-set("https://pixel.example/x" 1x) }',
    r"p { background: \75rl(https\3a //pixel.example/x) }",
    "p { background: u\\rl(/\\\\pixel.example/x) }",
    "/* ours */ p { background: url(//pixel.example/x) /* theirs */ }",
]


@pytest.mark.parametrize("text", STYLES)
def test_a_stylesheet_that_leads_away_is_found(text):
    assert leads_away(("css", url) for url in of_stylesheet(text))


@pytest.mark.parametrize(
    "text",
    [
        "p { background: url(/assets/x.png) } /* url(https://fonts.example/x) */",
        "p { background: url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E\") }",
        "@font-face { src: local('Meiryo'), url('fonts/x.woff2') } @import 'more.css';",
    ],
)
def test_a_stylesheet_of_the_sites_own_is_not(text):
    assert leads_away(("css", url) for url in of_stylesheet(text)) == []


@pytest.mark.parametrize(
    ("name", "value", "away"),
    [
        ("link", "<https://fonts.example/css>; rel=preload; as=style", True),
        ("link", "<//fonts.example>; rel=dns-prefetch", True),
        ("refresh", "0; url=https://elsewhere.example/", True),
        ("location", "https://elsewhere.example/", True),
        ("report-to", '{"group":"x","max_age":1,"endpoints":[{"url":"https://reports.example/"}]}', True),
        ("content-security-policy", "default-src 'none'; font-src https://fonts.example", True),
        ("content-security-policy", "default-src 'none'; img-src 'self'", False),
        ("location", "https://www.lab.test/x?y=z", False),
        ("link", "</assets/site.css>; rel=preload; as=style, <https://www.lab.test/>; rel=canonical", False),
    ],
)
def test_a_header_that_leads_away_is_found(name, value, away):
    assert bool(leads_away(of_headers({name: value}))) is away
