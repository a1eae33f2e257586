-- Everything that site.sql.j2 may change, by what it is called, as one JSON document. Rights are single sentences, in no order.
SELECT jsonb_object_agg(what, said)::text FROM (
  SELECT 'role ' || rolname AS what, to_jsonb(pg_authid) - 'oid' AS said FROM pg_authid WHERE rolname NOT LIKE 'pg\_%'
  UNION ALL SELECT 'member ' || pg_get_userbyid(member) || ' of ' || pg_get_userbyid(roleid),
    to_jsonb(m) - ARRAY['oid', 'roleid', 'member', 'grantor'] FROM pg_auth_members m WHERE oid >= 16384
  UNION ALL SELECT 'settings ' || coalesce(nullif(setrole, 0)::regrole::text, 'all') || ' in ' || coalesce(datname::text, 'all'), to_jsonb(setconfig)
    FROM pg_db_role_setting LEFT JOIN pg_database ON pg_database.oid = setdatabase
  UNION ALL SELECT 'schema ' || nspname, to_jsonb(nspowner::regrole::text) FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%'
  UNION ALL SELECT 'extension ' || extname, to_jsonb(extversion) FROM pg_extension
  UNION ALL SELECT 'event trigger ' || evtname, to_jsonb(evtenabled) FROM pg_event_trigger
  UNION ALL SELECT 'relation ' || relkind::text || ' ' || c.oid::regclass, jsonb_build_object('owner', relowner::regrole::text, 'secured', relrowsecurity, 'kept', relpersistence)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
  UNION ALL SELECT 'column ' || attname || ' of ' || attrelid::regclass, jsonb_build_object('type', format_type(atttypid, atttypmod),
      'required', attnotnull, 'default', pg_get_expr(adbin, adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = to_regnamespace('site') AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT 'constraint ' || conname || ' of ' || conrelid::regclass, to_jsonb(pg_get_constraintdef(pg_constraint.oid))
    FROM pg_constraint WHERE connamespace = to_regnamespace('site')
  UNION ALL SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass, to_jsonb(tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'rule ' || rulename || ' of ' || ev_class::regclass, to_jsonb(ev_enabled) FROM pg_rewrite
    JOIN pg_class ON pg_class.oid = ev_class WHERE relkind IN ('r', 'p')
  UNION ALL SELECT 'function ' || p.oid::regprocedure, jsonb_build_object('owner', proowner::regrole::text, 'text', prosrc,
      'secured', prosecdef, 'settings', proconfig, 'language', prolang)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
  UNION ALL SELECT 'right ' || thing || ' ' || coalesce(nullif(grantee, 0)::regrole::text, 'everybody') || ' ' || privilege_type,
    to_jsonb(bool_or(is_grantable)) FROM (
      SELECT 'of ' || c.oid::regclass AS thing, (aclexplode(relacl)).* FROM pg_class c
      UNION ALL SELECT 'of ' || attname || ' in ' || attrelid::regclass, (aclexplode(attacl)).* FROM pg_attribute
      UNION ALL SELECT 'of ' || p.oid::regprocedure, (aclexplode(coalesce(proacl, acldefault('f', proowner)))).* FROM pg_proc p
        WHERE proacl IS NOT NULL OR pronamespace = to_regnamespace('site')
      UNION ALL SELECT 'of schema ' || nspname, (aclexplode(nspacl)).* FROM pg_namespace
      UNION ALL SELECT 'of database ' || datname, (aclexplode(coalesce(datacl, acldefault('d', datdba)))).* FROM pg_database
    ) rights GROUP BY 1
) everything
