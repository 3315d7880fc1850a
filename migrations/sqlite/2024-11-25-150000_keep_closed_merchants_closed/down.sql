DROP TRIGGER merchants_keep_closed;
