-- One row per person, level and chapter of the diagnosis.
WITH stays AS (
  SELECT psn_key, mdtrt_key, level, inst_key, begn, "end",
         CASE WHEN system <> 'icd10' THEN 'unknown'
              WHEN left(main_dx, 1) IN ('A', 'B') THEN 'A00-B99'
              WHEN left(main_dx, 1) = 'C' OR left(main_dx, 2) IN ('D0', 'D1', 'D2', 'D3', 'D4') THEN 'C00-D48'
              WHEN left(main_dx, 1) = 'D' THEN 'D50-D89'
              WHEN left(main_dx, 1) = 'E' THEN 'E00-E90'
              WHEN left(main_dx, 1) = 'F' THEN 'F00-F99'
              WHEN left(main_dx, 1) = 'G' THEN 'G00-G99'
              WHEN left(main_dx, 2) IN ('H0', 'H1', 'H2', 'H3', 'H4', 'H5') THEN 'H00-H59'
              WHEN left(main_dx, 1) = 'H' THEN 'H60-H95'
              WHEN left(main_dx, 1) = 'I' THEN 'I00-I99'
              WHEN left(main_dx, 1) = 'J' THEN 'J00-J99'
              WHEN left(main_dx, 1) = 'K' THEN 'K00-K93'
              WHEN left(main_dx, 1) = 'L' THEN 'L00-L99'
              WHEN left(main_dx, 1) = 'M' THEN 'M00-M99'
              WHEN left(main_dx, 1) = 'N' THEN 'N00-N99'
              WHEN left(main_dx, 1) = 'O' THEN 'O00-O99'
              WHEN left(main_dx, 1) = 'P' THEN 'P00-P96'
              WHEN left(main_dx, 1) = 'Q' THEN 'Q00-Q99'
              WHEN left(main_dx, 1) = 'R' THEN 'R00-R99'
              WHEN left(main_dx, 1) IN ('S', 'T') THEN 'S00-T98'
              WHEN left(main_dx, 1) IN ('V', 'W', 'X', 'Y') THEN 'V01-Y98'
              WHEN left(main_dx, 1) = 'Z' THEN 'Z00-Z99'
              WHEN left(main_dx, 1) = 'U' THEN 'U00-U99'
              ELSE 'unknown' END AS chapter
  FROM encounter
  WHERE left(med_type, 2) = '21'
), following AS (
  SELECT psn_key, level, chapter, "end", inst_key,
         lead(begn) OVER (PARTITION BY psn_key ORDER BY begn, "end", mdtrt_key, level, chapter, inst_key) AS next,
         lead(inst_key) OVER (PARTITION BY psn_key ORDER BY begn, "end", mdtrt_key, level, chapter, inst_key) AS next_inst
  FROM stays
)
SELECT psn_key, level, chapter, count(*) AS stays,
       sum(CASE WHEN date_diff('day', "end", next) BETWEEN 0 AND $gap
                     AND ($hospital = 'any' OR inst_key = next_inst AND inst_key <> 0) THEN 1 ELSE 0 END) AS pairs
FROM following
GROUP BY psn_key, level, chapter
