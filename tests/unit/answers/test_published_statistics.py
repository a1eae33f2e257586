"""What is counted when an answer is kept, by a real PostgreSQL where there is one; and what is published of it."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from azukari.answers import accesses, counted, domains, statistics
from azukari.cli import site as site_verb
from azukari.content import content
from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.site import load, state_dir
from checks import test_site_statistics as judged

FEMALE, OTHER = ("contact", "gender", "female"), ("contact", "gender", "other")
SEALED = '{"reply": "a.b.c.d.e"}'


def keep(number, chosen, form="contact", purposes=SEALED):
    answer = f"00000000-0000-4000-8000-{number:012}"
    return f"SELECT site.keep('{form}', '{answer}', '{purposes}', '{json.dumps(chosen)}');"


TALLY = "SELECT item || '=' || choice || ': ' || sum(answers) FROM site.tally GROUP BY item, choice ORDER BY 1"
SHOWN = "SELECT concat_ws('/', form, item, choice, answers) FROM site.statistics() ORDER BY 1"


def test_an_answer_is_counted_once_however_often_it_is_handed_in(database):
    assert database(keep(1, {"gender": "female"}) * 3) == ["t", "f", "f"]
    database(keep(2, {"gender": "other"}) + keep(3, {}))
    database("SELECT site.keep('contact', gen_random_uuid(), '{\"reply\": \"a.b.c.d.e\"}')")  # the forms of before
    assert database(TALLY) == ["gender=female: 1", "gender=other: 1"]
    assert database("SELECT count(*) FROM site.contact") == ["4"]


@pytest.mark.parametrize(
    "chosen",
    [{"gender": "undeclared"}, {"comments": "plain"}, {"gender": None}, {"gender": "female", "age_range": "from_20"}],
)
def test_what_is_no_declared_choice_is_not_counted_and_the_answer_is_refused(database, chosen):
    with pytest.raises(AssertionError, match="no such form, purpose or choice"):
        database(keep(1, chosen))
    assert database("SELECT (SELECT count(*) FROM site.tally) + (SELECT count(*) FROM site.contact)") == ["0"]


def test_an_answer_that_is_not_kept_is_not_counted(database):
    with pytest.raises(AssertionError, match="violates check constraint"):
        database(keep(1, {"gender": "female"}, purposes='{"reply": "a plain text"}'))
    assert database("BEGIN;" + keep(2, {"gender": "female"}) + "ROLLBACK;" + TALLY) == ["t"]


def test_a_group_is_counted_once_k_stand_behind_it_and_grows_by_k_and_more(database):
    some = [keep(number, {"gender": "female"}) for number in range(40)]
    shown = []
    for first, last in ((0, 9), (9, 10), (10, 19), (19, 21), (21, 40)):
        database("".join(some[first:last]) + "SELECT site.fold();")
        shown += [database(SHOWN)]
    assert shown == [[], ["contact/gender/female/10"], ["contact/gender/female/10"], *[["contact/gender/female/21"]], [
        "contact/gender/female/40"
    ]]  # fmt: skip


def test_what_a_drill_chose_is_of_no_person_and_is_not_published(database, server):
    database("".join(keep(number, {"gender": "female"}) for number in range(10)) + keep(20, {"gender": "other"}))
    counted.uncount(server, "contact", [("gender", "female"), ("gender", "other")])
    database("SELECT site.fold();")
    assert database(SHOWN) == []  # nine persons and a drill
    assert database(TALLY) == ["gender=female: 9", "gender=other: 0"]
    database("SELECT site.fold();" + keep(30, {"gender": "female"}) + "SELECT site.fold();")
    assert database(SHOWN) == ["contact/gender/female/10"]


def test_a_drill_that_ends_after_the_nights_adding_up_is_taken_off_the_next(database, server):
    database("".join(keep(number, {"gender": "female"}) for number in range(10)) + "SELECT site.fold();")
    counted.uncount(server, "contact", [("gender", "female")])
    database("".join(keep(number, {"gender": "female"}) for number in range(10, 21)) + "SELECT site.fold();")
    assert database(SHOWN) == ["contact/gender/female/20"]  # 21 answers, of which 20 are persons'


def test_a_drills_crash_of_the_database_loses_no_count(database, server):
    database("".join(keep(number, {"gender": "female"}) for number in range(5)) + keep(9, {"gender": "other"}))
    found = counted.waiting(server)
    assert sorted(found.rows) == [["contact", "gender", "female", 5], ["contact", "gender", "other", 1]]
    counted.put_back(server, found)  # there was no crash
    assert database(TALLY) == ["gender=female: 5", "gender=other: 1"]
    database("TRUNCATE site.tally;" + keep(20, {"gender": "other"}))
    counted.put_back(server, found)
    assert database(TALLY) == ["gender=female: 5", "gender=other: 2"]


def test_after_the_night_nothing_tells_with_which_answer_a_choice_came(database):
    for number in range(3):  # each a transaction of its own
        database(keep(number, {"gender": "female" if number else "other"}))
    answers = set(database("SELECT xmin FROM site.contact"))
    assert set(database("SELECT xmin FROM site.tally")) == answers
    database("SELECT site.fold()")
    assert database(TALLY) == ["gender=female: 2", "gender=other: 1"]
    moments = database("SELECT DISTINCT xmin FROM site.tally")
    assert len(moments) == 1
    assert not set(moments) & answers


def test_a_choice_that_is_not_declared_any_more_is_not_shown(database):
    database("INSERT INTO site.counts VALUES ('contact', 'gender', 'unsaid', 50), ('contact', 'gender', 'male', 9)")
    assert database(SHOWN) == []


def test_the_programs_are_word_by_word_those_that_the_check_promises(database, lab):
    question = "SELECT json_object_agg(oid::regprocedure, regexp_replace(btrim(prosrc, E' \\n'), '\\s+', ' ', 'g'))"
    (line,) = database(f"{question} FROM pg_proc WHERE pronamespace = to_regnamespace('site')")
    promised = judged.programs(lab)
    found = json.loads(line)
    assert {name: found[name] for name in promised} == promised


@pytest.fixture
def lab():
    return load(content("inventory") / "lab")


# --- what is published ------------------------------------------------------------------------------------------------


def said(*rows):
    return [json.dumps([*cell, number]) for cell, number in rows]


def test_a_number_is_renewed_when_k_more_have_come_and_not_before(site):
    tables = [statistics.publish(site, statistics.counted(said((FEMALE, n)), site)) for n in (9, 10, 19, 20)]
    assert tables == [{}, {FEMALE: 10}, {FEMALE: 10}, {FEMALE: 20}]


def test_a_count_that_shrank_is_no_table_of_this_series(site):
    statistics.publish(site, {FEMALE: 20})
    before = (state_dir(site) / "published.json").read_bytes()
    with pytest.raises(
        InputError, match=r"12 counted of contact/gender/female, of which 20 .* move .*published\.json away"
    ):
        statistics.publish(site, {FEMALE: 12})
    assert (state_dir(site) / "published.json").read_bytes() == before


def test_a_choice_that_was_taken_out_of_the_policy_is_forgotten(site):
    statistics.publish(site, {("contact", "gender", "unsaid"): 20})
    assert statistics.publish(site, {OTHER: 10}) == {OTHER: 10}


@pytest.mark.parametrize("text", ["", "{}", '{"attributes": [1]}', '{"attributes": [["a", "b", "c", "x"]]}'])
def test_what_was_published_and_cannot_be_read_is_not_taken_for_nothing(site, text):
    (state_dir(site) / "published.json").write_text(text)
    with pytest.raises(InputError, match="restore it"):
        statistics.publish(site, {})


@pytest.mark.parametrize(
    "line", ["", "x", "[]", '["contact", "gender", "female"]', '["contact", "gender", "female", "x"]']
)
def test_counts_that_cannot_be_understood_are_not_published(site, line):
    with pytest.raises(NotJudged, match="cannot be understood"):
        statistics.counted([line], site)


def test_what_nobody_declared_is_not_published(site):
    with pytest.raises(SafeguardFails, match="contact/comments/tanaka"):
        statistics.counted(said((("contact", "comments", "tanaka"), 99)), site)


@pytest.mark.parametrize(
    ("command", "why"),
    [(["sh", "-c", "echo '[]'; echo broken >&2; exit 3"], "broken"), (["sleep", "5"], "no answer within")],
)
def test_a_database_that_does_not_answer_gives_no_counts(command, why, monkeypatch):
    monkeypatch.setattr(statistics, "_SECONDS", 0.3)
    with pytest.raises(NotJudged, match=why):
        statistics.said_by(command, "the database")


def test_the_command_is_the_audits_role_alone():
    command = statistics.database_command(SimpleNamespace(ssh_config="/x"), "db")
    assert command[:4] == ["ssh", "-F", "/x", "db"]
    assert command[4].startswith("sudo -n runuser -u azukari-audit -- psql ")
    assert "site.statistics()" in command[4]


# --- the verb ---------------------------------------------------------------------------------------------------------


KEYS = ("accesses", "attributes", "day", "domains", "site", "smallest_group")


def printing(lines):
    return ["printf", r"%s\n", *lines] if lines else ["true"]


@pytest.fixture
def shown(site, monkeypatch):
    """Run the verb on a database that counts so many."""

    def run(*arguments, rows, log=(), days=()):
        monkeypatch.setattr("azukari.provision.session.session", lambda _site, **_limit: nullcontext())
        monkeypatch.setattr(statistics, "database_command", lambda *_: printing(said(*rows)))
        lines = [json.dumps(one) for one in log]
        monkeypatch.setattr(accesses, "log_command", lambda *_: printing(lines))
        monkeypatch.setattr(domains, "store_command", lambda *_: printing([json.dumps(one) for one in days]))
        done = CliRunner().invoke(site_verb.app, ["statistics", "--site", str(site.path), *arguments])
        assert not done.exit_code, done.output
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("language", "words"),
    [("ja", ["お問い合わせ", "性別", "女性", "12"]), ("en", ["Contact us", "gender", "female", "12"])],
)
def test_the_table_has_the_policys_titles_and_no_small_group(shown, language, words):
    lines = shown("--lang", language, rows=[(FEMALE, 12), (OTHER, 3)]).splitlines()
    assert all(word in lines[1] for word in words)
    assert [line.split()[-1] for line in lines[1:4]] == ["12", "–", "–"]


def test_a_program_gets_what_is_published_and_nothing_else(shown):
    given = json.loads(shown("--json", rows=[(FEMALE, 12), (OTHER, 3)]))
    assert given["attributes"] == [{"form": "contact", "item": "gender", "choice": "female", "answers": 12}]
    assert (given["smallest_group"], sorted(given)) == (10, sorted(KEYS))


LOG = [["2026-11-25", "/", 40, 12], ["2026-11-25", "/contact/", 15, None]]


def test_accesses_are_shown_by_day_and_page(shown):
    lines = shown("--lang", "en", rows=[], log=LOG).splitlines()
    assert [line.split() for line in lines if line.startswith("2026")] == [
        ["2026-11-25", "/", "40", "12"], ["2026-11-25", "/contact/", "15", "–"],
    ]  # fmt: skip
    given = json.loads(shown("--json", rows=[], log=LOG))["accesses"]
    assert given[1] == {"day": "2026-11-25", "page": "/contact/", "accesses": 15, "visits": None}


@pytest.mark.parametrize(
    "line",
    ["x", '["2026-11-25", "/", 40]', '["yesterday", "/", 40, 12]', '["2026-11-25", "/", 9, null]',
     '["2026-11-25", "/tanaka@example.jp", 40, 12]'],
)  # fmt: skip
def test_counts_of_a_log_that_must_not_be_shown_are_not(site, line):
    with pytest.raises(NotJudged, match=r"nothing of (it|them) is shown"):
        accesses.told([line], site)


def test_several_web_servers_count_together():
    first = [accesses.Accesses("2026-11-25", "/", 40, 12), accesses.Accesses("2026-11-25", "/en/", 10, 10)]
    second = [accesses.Accesses("2026-11-25", "/", 20, None), accesses.Accesses("2026-11-24", "/", 10, 0)]
    assert accesses.summed([first, second]) == [
        ("2026-11-24", "/", 10, 0), ("2026-11-25", "/", 60, None), ("2026-11-25", "/en/", 10, 10),
    ]  # fmt: skip


def test_the_web_server_is_told_the_sites_pages_and_k(site):
    command = accesses.log_command(SimpleNamespace(ssh_config="/x"), "web", site)
    assert command[4].startswith(
        "sudo -n runuser -u www-data -- /usr/local/libexec/azukari-count-log 10 Asia/Tokyo / /en/"
    )
    assert command[4].endswith(" /contact/ /en/contact/ /mail-service/ /en/mail-service/")


# --- visitors by domain -----------------------------------------------------------------------------------------------


def day(day="2026-11-25", unknown=0, not_looked_up=0, **names):
    found = {name.replace("_", "."): number for name, number in names.items()}
    return {"day": day, "domains": found, "unknown": unknown, "not_looked_up": not_looked_up}


DAYS = [day(example_jp=12, kantei_go_jp=30, unknown=40, not_looked_up=None), day("2026-11-26", not_looked_up=50)]


def test_visitors_are_shown_by_day_and_domain(shown):
    lines = shown("--lang", "en", rows=[], days=DAYS).splitlines()
    assert [line.split() for line in lines if line.startswith("2026")] == [
        ["2026-11-25", "kantei.go.jp", "30"], ["2026-11-25", "example.jp", "12"], ["2026-11-25", "(no", "name)", "40"],
        ["2026-11-25", "(not", "looked", "up)", "–"], ["2026-11-26", "(not", "looked", "up)", "50"],
    ]  # fmt: skip
    assert json.loads(shown("--json", rows=[], days=DAYS))["domains"] == DAYS


def test_a_number_of_a_day_that_grew_by_fewer_than_k_stays(shown):
    numbers = []
    for number in (12, 21, 22):
        given = json.loads(shown("--json", rows=[(FEMALE, 12)], days=[day(example_jp=number)]))
        numbers.append(given["domains"][0]["domains"]["example.jp"])
        assert given["attributes"][0]["answers"] == 12
    assert numbers == [12, 12, 22]


def test_a_day_that_is_past_its_days_is_forgotten_here_too(site, shown):
    shown(rows=[(FEMALE, 12)], days=[day(example_jp=12)])
    shown(rows=[(FEMALE, 12)], days=[day("2026-11-26", example_jp=10)])
    kept = json.loads((state_dir(site) / "published.json").read_text())
    assert kept == {"attributes": [[*FEMALE, 12]], "domains": [["access", "2026-11-26", "example.jp", 10]]}


def test_a_day_that_was_counted_again_is_no_table_of_this_series(site):
    statistics.publish_domains(site, {("access", "2026-11-25", "example.jp"): 20})
    with pytest.raises(InputError, match=r"12 counted .* of which 20 .* The web server's counting by domain was begun"):
        statistics.publish_domains(site, {("access", "2026-11-25", "example.jp"): 12})


@pytest.mark.parametrize(
    "said",
    [{}, [], {**day(), "domains": []}, {**day(), "day": "yesterday"}, day(example_jp=9), day(unknown=1),
     day(not_looked_up=9), {**day(), "domains": {"192.0.2.7": 30}}, {**day(), "domains": {"jp": 30}},
     {**day(), "domains": {"a_b.example.jp": 30}}, {**day(), "domains": {"example.jp\n": 30}}],
)  # fmt: skip
def test_counts_by_domain_that_must_not_be_shown_are_not(site, said):
    with pytest.raises(NotJudged, match=r"none (of its counts by domain )?is shown"):
        domains.told([json.dumps(said)], site)


def test_several_web_servers_count_domains_together(site):
    first = domains.told([json.dumps(day(example_jp=12, kantei_go_jp=10, unknown=None))], site)
    second = domains.told([json.dumps(day(example_jp=10, unknown=20, not_looked_up=10))], site)
    assert domains.summed([first, second]) == [("2026-11-25", {"example.jp": 22, "kantei.go.jp": 10}, None, 10)]


def test_a_web_server_tells_what_it_kept_without_any_right(site):
    [host] = domains.counting(site)
    command = domains.store_command(SimpleNamespace(ssh_config="/x"), host.name, site)
    assert command[4] == "/usr/local/libexec/azukari-count-domains told 10 90 Asia/Tokyo"
