-- Functions, operators, types, tables and views that stand where an unqualified name may find them.
-- Each one says that it was called, where no rollback takes it back, and fails.
CREATE SEQUENCE public.sprung;

DO $do$
DECLARE
    name text;
    arguments text;
    pair text[];
    body text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'array_to_string', 'bool_and', 'concat_ws', 'convert_to', 'count', 'current_setting', 'format', 'format_type',
        'json_agg', 'json_array_elements_text', 'json_to_recordset', 'lower', 'max', 'min', 'pg_get_expr', 'quote_ident',
        'quote_nullable', 'regexp_replace', 'replace', 'set_config', 'setval', 'split_part', 'string_agg', 'substr',
        'to_char', 'to_jsonb', 'to_regclass', 'unnest', 'upper'
    ] LOOP
        FOREACH arguments IN ARRAY ARRAY[
            '', 'text', 'text, text', 'text, text, text', 'text, integer', 'name', 'name, name', 'text, name', 'character varying',
            'oid', 'regclass', 'regclass, bigint', 'bigint', 'text[]', 'text[], text', 'json', 'timestamp, text', 'VARIADIC text[]'
        ] LOOP
            body := format('BEGIN PERFORM pg_catalog.nextval(%L); RAISE EXCEPTION %L; END', 'public.sprung', name || '(' || arguments || ') was called');
            BEGIN
                EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS text LANGUAGE plpgsql AS %L', name, arguments, body);
            EXCEPTION WHEN duplicate_function THEN NULL;
            END;
        END LOOP;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '~~', '!~~', '+', '-', '*', '->>', '->', '&&', '@>'] LOOP
        FOREACH pair SLICE 1 IN ARRAY ARRAY[
            ['text', 'name'], ['name', 'text'], ['name', 'name'], ['oid', 'regclass'], ['regclass', 'oid'], ['oid', 'oid'],
            ['regclass', 'regclass'], ['oid', 'regtype'], ['regtype', 'oid'], ['"char"', '"char"'], ['"char"', 'text'],
            ['text', '"char"'], ['text', 'text'], ['text', 'character varying'], ['character varying', 'text'],
            ['character varying', 'name'], ['smallint', 'smallint'], ['smallint', 'integer'], ['integer', 'integer'], ['bigint', 'integer'], ['bigint', 'bigint'],
            ['boolean', 'boolean'], ['text[]', 'text[]'], ['name[]', 'name[]'], ['name[]', 'text[]'], ['oid[]', 'oid[]'],
            ['smallint[]', 'smallint[]'], ['int2vector', 'int2vector'], ['text', 'regclass'], ['regclass', 'text'], ['text', 'integer'],
            ['integer', 'text'], ['text', 'bigint'], ['numeric', 'bigint'], ['text', 'boolean'], ['jsonb', 'text'], ['timestamptz', 'timestamptz'], ['uuid', 'uuid']
        ] LOOP
            body := format('BEGIN PERFORM pg_catalog.nextval(%L); RAISE EXCEPTION %L; END', 'public.sprung', name || ' of ' || pair[1] || ' and ' || pair[2] || ' was called');
            EXECUTE format('CREATE FUNCTION public.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', name, pair[1], pair[2],
                CASE WHEN name IN ('||', '+', '-', '*', '->', '->>') THEN 'text' ELSE 'boolean' END, body);
            EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%I)', name, pair[1], pair[2], name);
        END LOOP;
    END LOOP;
    CREATE FUNCTION public.spring() RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_catalog.nextval(''public.sprung''); RAISE EXCEPTION ''a view was read''; END';
    FOREACH name IN ARRAY ARRAY[
        'pg_attrdef', 'pg_attribute', 'pg_class', 'pg_constraint', 'pg_database', 'pg_depend', 'pg_index', 'pg_inherits',
        'pg_locks', 'pg_namespace', 'pg_proc', 'pg_roles', 'pg_sequence', 'pg_settings', 'pg_stat_activity', 'pg_trigger', 'pg_type'
    ] LOOP
        EXECUTE format('CREATE VIEW public.%I AS SELECT public.spring() AS oid', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['bool', 'char', 'int2', 'int4', 'int8', 'json', 'name', 'oid', 'regclass', 'regtype', 'text'] LOOP
        EXECUTE format('CREATE DOMAIN public.%I AS pg_catalog.%1$I CHECK (public.spring())', name);
    END LOOP;
END
$do$;
