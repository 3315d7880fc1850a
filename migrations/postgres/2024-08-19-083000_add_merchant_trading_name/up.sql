ALTER TABLE merchants ADD COLUMN trading_name text;

-- Until a merchant tells us otherwise, it trades under its legal name.
UPDATE merchants SET trading_name = legal_name;

ALTER TABLE merchants ALTER COLUMN trading_name SET NOT NULL;
