-- One row per stay that can be followed.
WITH followed AS (
  SELECT s.psn_key, s.mdtrt_key, s."end" AS left_on, s.level,
         CASE WHEN s.system = 'icd10' THEN upper(left(s.main_dx, 3)) ELSE '' END AS dx
  FROM stay AS s
  SEMI JOIN coverage AS c ON c.psn_key = s.psn_key AND s."end" + $days BETWEEN c.begn AND c."end"
  WHERE s.med_type = '21'
), back AS (
  SELECT f.psn_key, f.mdtrt_key
  FROM followed AS f
  JOIN later AS l ON l.psn_key = f.psn_key AND l.begn > f.left_on AND l.begn <= f.left_on + $days
  WHERE l.med_type = '21'
  GROUP BY f.psn_key, f.mdtrt_key
)
SELECT f.psn_key, f.level,
       CASE WHEN f.dx BETWEEN 'A00' AND 'B99' THEN 'A00-B99' WHEN f.dx BETWEEN 'C00' AND 'D48' THEN 'C00-D48'
            WHEN f.dx BETWEEN 'D50' AND 'D89' THEN 'D50-D89' WHEN f.dx BETWEEN 'E00' AND 'E90' THEN 'E00-E90'
            WHEN f.dx BETWEEN 'F00' AND 'F99' THEN 'F00-F99' WHEN f.dx BETWEEN 'G00' AND 'G99' THEN 'G00-G99'
            WHEN f.dx BETWEEN 'H00' AND 'H59' THEN 'H00-H59' WHEN f.dx BETWEEN 'H60' AND 'H95' THEN 'H60-H95'
            WHEN f.dx BETWEEN 'I00' AND 'I99' THEN 'I00-I99' WHEN f.dx BETWEEN 'J00' AND 'J99' THEN 'J00-J99'
            WHEN f.dx BETWEEN 'K00' AND 'K93' THEN 'K00-K93' WHEN f.dx BETWEEN 'L00' AND 'L99' THEN 'L00-L99'
            WHEN f.dx BETWEEN 'M00' AND 'M99' THEN 'M00-M99' WHEN f.dx BETWEEN 'N00' AND 'N99' THEN 'N00-N99'
            WHEN f.dx BETWEEN 'O00' AND 'O99' THEN 'O00-O99' WHEN f.dx BETWEEN 'P00' AND 'P96' THEN 'P00-P96'
            WHEN f.dx BETWEEN 'Q00' AND 'Q99' THEN 'Q00-Q99' WHEN f.dx BETWEEN 'R00' AND 'R99' THEN 'R00-R99'
            WHEN f.dx BETWEEN 'S00' AND 'T98' THEN 'S00-T98' WHEN f.dx BETWEEN 'V01' AND 'Y98' THEN 'V01-Y98'
            WHEN f.dx BETWEEN 'Z00' AND 'Z99' THEN 'Z00-Z99' ELSE 'unknown' END AS chapter,
       CASE WHEN b.mdtrt_key IS NULL THEN 0 ELSE 1 END AS readmitted
FROM followed AS f
LEFT JOIN back AS b ON b.psn_key = f.psn_key AND b.mdtrt_key = f.mdtrt_key
