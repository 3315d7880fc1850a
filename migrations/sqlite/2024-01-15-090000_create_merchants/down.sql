DROP TABLE merchants;
DROP TABLE users;
DROP TABLE fee_groups;
