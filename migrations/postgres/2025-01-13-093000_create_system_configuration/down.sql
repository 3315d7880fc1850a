DROP TABLE system_configuration;
