DROP TRIGGER merchants_keep_closed ON merchants;
DROP FUNCTION merchants_keep_closed();
