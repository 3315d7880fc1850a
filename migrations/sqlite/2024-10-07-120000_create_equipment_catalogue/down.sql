DROP TABLE equipment_catalogue;
