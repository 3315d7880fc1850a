ALTER TABLE merchants DROP COLUMN trading_name;
