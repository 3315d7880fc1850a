CREATE TABLE parents (id integer PRIMARY KEY AUTOINCREMENT, code text COLLATE NOCASE NOT NULL UNIQUE);
CREATE TABLE fees (
    id integer PRIMARY KEY,
    label varchar(20) NOT NULL DEFAULT 'none' CHECK (label <> ''),
    amount integer DEFAULT (5 + 1),
    twice integer GENERATED ALWAYS AS (amount * 2) STORED,
    parent_id integer REFERENCES parents (id) ON DELETE CASCADE,
    note text,
    UNIQUE (label, parent_id)
);
CREATE INDEX fees_by_parent ON fees (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX fees_by_label ON fees (lower(label));
CREATE VIEW cheap AS SELECT id, label FROM fees WHERE amount < 5;
CREATE TRIGGER fees_act AFTER UPDATE ON fees WHEN old.amount <> new.amount BEGIN UPDATE parents SET code = 'x' WHERE id = 1; END;
CREATE TABLE rates (country text PRIMARY KEY, rate integer) WITHOUT ROWID;
CREATE TABLE exact (id integer PRIMARY KEY, value text) STRICT;
