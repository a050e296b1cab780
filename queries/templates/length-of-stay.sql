-- One row per stay.
SELECT psn_key, level, los_d AS los
FROM encounter
WHERE list_contains($med_type, left(med_type, 2))
