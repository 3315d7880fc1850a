-- SQLite adds a NOT NULL column only with a default; the application always gives a value.
ALTER TABLE merchants ADD COLUMN trading_name TEXT NOT NULL DEFAULT '';

-- Until a merchant tells us otherwise, it trades under its legal name.
UPDATE merchants SET trading_name = legal_name;
