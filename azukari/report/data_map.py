"""The data map: item → purpose → store → readers → retention, as the policy declares it, beside what was measured.

It compares and judges nothing: the verdicts are those of USE-01, USE-04, USE-05 and LEAK-20. What was not measured is
said to be so, and never taken from the declaration.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from azukari.report.lines import DataMap, Line, Part, Said, Words, many
from azukari.report.measured import Measured
from azukari.verify.database import COUNTING, LEFT, SPENT
from azukari.verify.nginx_words import OUTCOME, PERSONAL, VISIT
from azukari.verify.website import TOKEN
from reference_site.answers import MAIL_SERVICE

# A sealed answer's own columns: which one it is, for what it may be opened, the value, and when it came in.
COLUMNS = frozenset({"id", "purpose", "sealed", "received"})
# Of a registration besides: what its letters carry and whose it is, as hashes alone, two days, and whose place it took.
LETTERS = frozenset({"person", "confirm", "leave", "confirmed", "lettered", "earlier"})
LOG = "access"  # the policy's collection that is the web server's log
DOMAIN, DOMAINS = "domain", "/var/lib/azukari-domains"  # its item that is looked up later, and where counts of it lie
COUNTED_BY = timedelta(hours=3)  # the counts of the night, and what deletes old ones (USE-05)
# Purges run after midnight (USE-05): until then what is due that day is still there.
PURGED_BY = timedelta(hours=1)
READERS = {
    "office": ("官庁", "the office"),
    "operator": ("運用担当者", "operators"),
    "database": ("データベース担当者", "database keepers"),
    "vault-keeper": ("バックアップ保管者", "vault keepers"),
    "log-keeper": ("ログ保管者", "log keepers"),
}

NOT_DECLARED = Words("宣言にありません", "not declared")
STORE, WHO, RETENTION = Words("保管場所", "store"), Words("閲覧できる者", "readers"), Words("保存期間", "retention")


def data_map(site: Mapping[str, Any], found: Measured, now: datetime) -> DataMap | None:
    """Return the map; None where the evidence does not keep the policy (of before this was kept).

    Args:
        site: the declared site, as the evidence's context keeps it.
        found: what was measured.
        now: when the run ended, in the site's time zone.
    """
    policy = site.get("policy")
    if policy is None:
        return None
    names = {f"site.{one['name']}" for one in policy["collections"]} | {*COUNTING, LEFT, SPENT}
    parts = [_Part(site, one, found, now).part() for one in policy["collections"]]
    return DataMap(tuple(parts), tuple(_cookies(policy, found)), tuple(_beside(names, found)))


class _Part:
    """One collection of a site, beside what was measured of it."""

    def __init__(self, site: Mapping[str, Any], collection: Mapping[str, Any], found: Measured, now: datetime) -> None:
        self.site, self.collection, self.found, self.now = site, collection, found, now
        self.name = collection["name"]
        self.table = f"site.{self.name}"
        self.paths = [path for path, name in site.get("forms", {}).items() if name == self.name]
        self.purposes = site["policy"]["purposes"]
        self.rows = [row for row in found.sealed or () if row.form == self.name]

    def part(self) -> Part:
        title, clause = _words(self.collection["title"]), self.collection["clause"]
        if self.name == LOG:
            return Part(
                self.name, title, clause, (*self._each(self._logged), *self._also_logged()), tuple(self._log_kept())
            )
        if not self.paths and self.table not in (self.found.tables or {}):
            return Part(self.name, title, clause, self._each(self._nowhere), tuple(self._kept_nowhere()), self._why())
        items = (*self._each(self._form_item), *self._also_in_forms(), *self._also_in_the_table())
        return Part(self.name, title, clause, items, tuple(self._sealed_kept()))

    def _each(self, measure: Callable[[Mapping[str, Any]], Said]) -> tuple[Line, ...]:
        return tuple(
            measure(item).line(_words(item["title"]), item["name"], *self._declared(item))
            for item in self.collection["items"]
        )

    def _declared(self, item: Mapping[str, Any]) -> Iterable[Words]:
        yield Words("必須", "required") if item["required"] else Words("任意", "optional")
        for name in item["purposes"]:
            yield self._purpose(name)

    def _purpose(self, name: str) -> Words:
        purpose = self.purposes.get(name)
        if purpose is None:
            return Words(f"目的: {name}", f"purpose: {name}")
        title, clause = purpose["title"], purpose["clause"]
        return Words(f"目的: {title['ja']} {clause}", f"purpose: {title['en']} {clause}")

    # --- what is not on the servers yet ---

    def _why(self) -> Words:
        if self.found.tables is None:
            return Words(
                "フォームはありません。データベースは調べていません", "no form takes it; the database was not asked"
            )
        return Words("フォームも表もありません", "no form takes it, and no table keeps it")

    def _nowhere(self, _item: Mapping[str, Any]) -> Said:
        said = Said()
        said.nothing()
        return said

    def _kept_nowhere(self) -> Iterable[Line]:
        for title, declared in ((STORE, self._store()), (WHO, self._readers()), (RETENTION, self._retention())):
            yield self._nowhere({}).line(title, "", declared)

    # --- the web server's log ---

    def _logged(self, item: Mapping[str, Any]) -> Said:
        said = Said()
        if item["name"] == DOMAIN:
            self._counted_by_domain(said)
            return said
        variables = [variable for variable, name in PERSONAL.items() if name == item["name"]]
        if self.found.logs is None:
            said.nothing()
            return said
        places = [place for place, written in self.found.logs.items() if written & set(variables)]
        if places:
            said.add(f"ログの項目 `${variables[0]}`", f"log field `${variables[0]}`")
            self._not_asked(said, "log")
        elif variables or item["required"]:
            said.add("ログにありません", "not found in the log", "differs")
        else:
            said.add("ログにありません", "not found in the log", "absent")
        return said

    def _counted_by_domain(self, said: Said) -> None:
        """Say where counts by internet domain are kept, which are looked up later and stand in no log."""
        if self.found.domains is None:
            said.nothing()
            return
        for host, kept in sorted(self.found.domains.items()):
            place = f"`{host}:{DOMAINS}`"
            since = f"（{kept.oldest}から）" if kept.oldest else ""
            since_en = f", since {kept.oldest}" if kept.oldest else ""
            right = "same" if host in self._hosts() else "differs"
            said.add(
                f"{place} に集計だけ: {kept.days}日分{since}",
                f"counts alone, in {place}: {many(kept.days, 'day')}{since_en}",
                right,
            )
            if kept.oldest:
                self._past_its_days(said, kept.oldest)
            if kept.others:
                said.add(f"{place} に集計でないもの: {kept.others}", f"no counts, in {place}: {kept.others}", "differs")
        if not self.found.domains:
            said.add("調べていません", "not looked up", "absent")
        self._not_asked(said, "domains")

    def _past_its_days(self, said: Said, oldest: date) -> None:
        days = self.collection["retention"].get("days")
        if days is not None and oldest < (self.now - COUNTED_BY).date() - timedelta(days=days):
            said.add("保存期間を過ぎたものがあります", "older than declared", "differs")

    def _also_logged(self) -> Iterable[Line]:
        declared = {item["name"] for item in self.collection["items"]}
        counted = {VISIT} if any(one["purpose"] == "counting" for one in self.site["policy"]["cookies"]) else set()
        known = OUTCOME | counted | {variable for variable, item in PERSONAL.items() if item in declared}
        found: dict[str, list[str]] = {}
        for (host, path), written in (self.found.logs or {}).items():
            for variable in sorted(written - known):
                found.setdefault(variable, []).append(f"{host}:{path}")
        for variable, places in sorted(found.items()):
            where = ", ".join(f"`{place}`" for place in places)
            yield _undeclared(Words(f"ログの項目 `${variable}`", f"log field `${variable}`"), where)

    def _log_kept(self) -> Iterable[Line]:
        said = Said()
        for host, path in self.found.logs or {}:
            right = host in self._hosts() and path.startswith("/")
            said.add(f"`{host}:{path}`", f"`{host}:{path}`", "same" if right else "differs")
        self._not_asked(said, "log")
        yield said.line(STORE, "", self._store())
        said = Said()
        said.nothing()
        yield said.line(WHO, "", self._readers())
        said = Said()
        if self.found.logs_since is None:
            said.nothing()
        else:
            self._age(said, self.found.logs_since)
        yield said.line(RETENTION, "", self._retention())

    # --- what comes in through a form ---

    def _form_item(self, item: Mapping[str, Any]) -> Said:
        said = Said()
        self._asked_in_forms(said, item)
        if self.found.sealed is None:
            said.nothing("保管: ", "kept: ")
            return said
        for purpose in item["purposes"]:
            title = self.purposes.get(purpose, {}).get("title", {"ja": purpose, "en": purpose})
            number = sum(row.answers for row in self.rows if row.purpose == purpose)
            if number:
                said.add(
                    f"「{title['ja']}」のために封印: {number}件", f"sealed for “{title['en']}”: {many(number, 'value')}"
                )
            else:
                said.add(f"「{title['ja']}」のための保管: なし", f"kept for “{title['en']}”: nothing")
        return said

    def _asked_in_forms(self, said: Said, item: Mapping[str, Any]) -> None:
        if not self.paths:
            said.nothing("フォーム: ", "form: ")
        found: dict[tuple[str, str, str], list[str]] = {}
        for path in self.paths:
            found.setdefault(self._asked_at(path, item), []).append(f"`{path}`")
        for (ja, en, state), paths in found.items():
            said.add(f"{'、'.join(paths)} {ja}", f"{', '.join(paths)}: {en}", state)

    def _asked_at(self, path: str, item: Mapping[str, Any]) -> tuple[str, str, str]:
        form = (self.found.forms or {}).get(path)
        if form is None or form.status == HTTPStatus.TOO_MANY_REQUESTS or form.status >= 500:
            return "測定していません", "not measured", "unmeasured"
        if form.status != HTTPStatus.OK:
            return f"フォームがありません（{form.status}）", f"there is no form ({form.status})", "differs"
        if item["name"] not in form.fields:
            return "尋ねていません", "not asked", "differs"
        required = item["name"] in form.required
        state = "same" if required == item["required"] else "differs"
        return (
            ("必須として尋ねる", "asked, required", state)
            if required
            else ("任意として尋ねる", "asked, optional", state)
        )

    def _also_in_forms(self) -> Iterable[Line]:
        declared = {TOKEN, *(item["name"] for item in self.collection["items"])}
        found: dict[str, list[str]] = {}
        for path in self.paths:
            form = (self.found.forms or {}).get(path)
            for name in sorted(form.fields - declared) if form else ():
                found.setdefault(name, []).append(f"`{path}`")
        for name, paths in sorted(found.items()):
            title = Words(f"フォームの項目 `{name or '（名前なし）'}`", f"form field `{name or '(nameless)'}`")
            yield _undeclared(title, ", ".join(paths))

    def _also_in_the_table(self) -> Iterable[Line]:
        table = (self.found.tables or {}).get(self.table)
        known = COLUMNS | LETTERS if self.name == MAIL_SERVICE else COLUMNS
        for column in sorted(table.columns - known) if table else ():
            yield _undeclared(Words(f"列 `{column}`", f"column `{column}`"), f"`{self.table}`")
        declared = {purpose for item in self.collection["items"] for purpose in item["purposes"]}
        for purpose in sorted({row.purpose for row in self.rows} - declared):
            yield _undeclared(Words(f"目的 `{purpose}`", f"purpose `{purpose}`"), f"`{self.table}`")

    def _sealed_kept(self) -> Iterable[Line]:
        said = Said()
        if self.found.tables is not None:
            hosts = ", ".join((self.found.stores or {}).get("database", ()))
            right = set((self.found.stores or {}).get("database", ())) <= set(self._hosts())
            if self.table in self.found.tables:
                said.add(
                    f"`{hosts}` の表 `{self.table}`",
                    f"table `{self.table}` on `{hosts}`",
                    "same" if right else "differs",
                )
            else:
                said.add(f"表 `{self.table}` はありません", f"there is no table `{self.table}`", "differs")
        self._not_asked(said, "database")
        yield said.line(STORE, "", self._store())
        said = Said()
        self._who_may_read(said)
        self._who_can_open(said)
        keys = self._stated()
        shown = [Words(f"{self._whose.ja} `{key}`", f"{self._whose.en} `{key}`") for key in keys]
        yield said.line(WHO, "", self._readers(), *shown)
        said = Said()
        days = [row.oldest for row in self.rows if row.oldest is not None]
        if self.found.sealed is None:
            said.nothing()
        elif days:
            self._age(said, min(days))
        else:
            said.add("何も保管していません", "nothing is kept")
        yield said.line(RETENTION, "", self._retention())

    def _who_may_read(self, said: Said) -> None:
        if self.found.tables is None:
            said.nothing("データベースの権限: ", "rights in the database: ")
        elif table := self.found.tables.get(self.table):
            for reader in table.readers:
                said.add(
                    f"データベースの `{reader}`（宣言なし）", f"`{reader}` in the database, not declared", "differs"
                )
            if not table.readers:
                said.add(
                    "データベースでは管理者 `postgres` のみ", "in the database, nobody but the superuser `postgres`"
                )

    def _who_can_open(self, said: Said) -> None:
        told = (self.found.told or {}).get(self.name)
        if self.found.sealed is None:
            said.nothing("封印の鍵: ", "sealing keys: ")
        for key in dict.fromkeys(row.key for row in self.rows):
            self._key(said, key, "保管済みの封印先", "what is kept is sealed for")
        if told is not None and told not in {row.key for row in self.rows}:
            self._key(said, told, "今後の封印先", "what comes in will be sealed for")

    def _key(self, said: Said, key: str | None, ja: str, en: str) -> None:
        if key is None:
            said.add(f"{ja}: 鍵の記載なし", f"{en} no named key", "differs")
        elif key in self._stated() and (self.name == MAIL_SERVICE or "office" in self.collection["readers"]):
            said.add(f"{ja}: {self._whose.ja} `{key}`", f"{en} {self._whose.en} `{key}`")
        else:
            said.add(
                f"{ja}: 官庁が届け出ていない鍵 `{key}`",
                f"{en} the key `{key}`, which the office never stated",
                "differs",
            )

    @property
    def _whose(self) -> Words:
        """Whose key the office states for the collection."""
        if self.name == MAIL_SERVICE:
            return Words("メール段の鍵", "the mail tier's key")
        return Words("官庁の鍵", "the office's key")

    def _stated(self) -> list[str]:
        keys: list[str] = self.site.get("sealing_keys", {}).get(self.name, [])
        return keys

    # --- for both ---

    def _store(self) -> Words:
        store = self.collection["store"]
        hosts = ", ".join(host for host in self._hosts() if host != store)
        return Words(f"{store}（{hosts}）" if hosts else store, f"{store} ({hosts})" if hosts else store)

    def _hosts(self) -> list[str]:
        """Return the hosts of the declared store."""
        store = self.collection["store"]
        return [host["name"] for host in self.site["hosts"] if store in (host["name"], *host["groups"])]

    def _not_asked(self, said: Said, what: str) -> None:
        asked = (self.found.stores or {}).get(what, ())
        missing = [host for host in self._hosts() if host not in asked]
        if missing:
            said.nothing(f"{', '.join(missing)}: ", f"{', '.join(missing)}: ")

    def _readers(self) -> Words:
        pairs = [READERS.get(name, (name, name)) for name in self.collection["readers"]]
        if not pairs:
            return Words("なし", "nobody")
        return Words("、".join(ja for ja, _ in pairs), ", ".join(en for _, en in pairs))

    def _retention(self) -> Words:
        days = self.collection["retention"].get("days")
        return Words("登録解除まで", "until unsubscribed") if days is None else Words(f"{days}日", many(days, "day"))

    def _age(self, said: Said, oldest: date) -> None:
        days = self.collection["retention"].get("days")
        age = (self.now.date() - oldest).days
        late = days is not None and oldest < (self.now - PURGED_BY).date() - timedelta(days=days)
        said.add(
            f"最も古いもの: {oldest}（{age}日前）",
            f"oldest: {oldest}, {many(age, 'day')} ago",
            "differs" if late else "same",
        )
        if days is None:
            said.nothing("登録解除した人の分が消えたか: ", "whether those who unsubscribed are gone: ")


def _cookies(policy: Mapping[str, Any], found: Measured) -> Iterable[Line]:
    for cookie in policy["cookies"]:
        said = Said()
        one = (found.cookies or {}).get(cookie["name"])
        if found.cookies is None:
            said.nothing()
        elif one is None:
            said.add("どの応答も設定していません", "no answer set it", "absent")
        else:
            said.add(
                f"{one.answers}件の応答が設定（`{one.first}` など）",
                f"set by {many(one.answers, 'answer')}, first `{one.first}`",
            )
            if one.seconds is None:
                said.nothing("期間: ", "how long it stays: ")
            else:
                stays = f"{one.seconds / 86400:.4g}"
                long = one.seconds > cookie["days"] * 86400
                said.add(f"期間: {stays}日", f"it stays {stays} d", "differs" if long else "same")
        purpose = policy["purposes"].get(cookie["purpose"])
        title = purpose["title"] if purpose else {"ja": cookie["purpose"], "en": cookie["purpose"]}
        clause = purpose["clause"] if purpose else ""
        declared = Words(f"目的: {title['ja']} {clause}", f"purpose: {title['en']} {clause}")
        days = Words(f"{cookie['days']}日以内", f"at most {many(cookie['days'], 'day')}")
        yield said.line(_words(cookie["title"]), cookie["name"], declared, days)
    known = {cookie["name"] for cookie in policy["cookies"]}
    for name, one in sorted((found.cookies or {}).items()):
        if name not in known:
            yield _undeclared(Words(f"クッキー `{name}`", f"cookie `{name}`"), f"`{one.first}`")


def _beside(tables: set[str], found: Measured) -> Iterable[Line]:
    """What was found and belongs to no declared collection."""
    for page, fields in sorted((found.elsewhere or {}).items()):
        named = ", ".join(f"`{name or '-'}`" for name in sorted(fields))
        yield _undeclared(Words(f"フォームの項目 {named}", f"form fields {named}"), f"`{page}`")
    for name in sorted(set(found.tables or ()) - tables):
        yield _undeclared(Words(f"表 `{name}`", f"table `{name}`"), ", ".join((found.stores or {}).get("database", ())))


def _undeclared(title: Words, where: str) -> Line:
    return Line(title, "", (NOT_DECLARED,), (Words(where, where),), "undeclared")


def _words(text: Mapping[str, str]) -> Words:
    return Words(text["ja"], text["en"])
