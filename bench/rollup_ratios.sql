/* Medians of bench/rollup, and how many times as long as from the cells. */
\pset footer off
SELECT t.name, count(*) AS rounds, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms)::numeric, 1) AS ms,
	   CASE WHEN t.name LIKE '%dashboard%' OR t.name LIKE 'duckdb%' THEN round((percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) / max(b.ms))::numeric, 1) END AS times_cells,
	   CASE WHEN t.name = 'refresh of all' THEN round((SELECT count(*) FROM call) / (sum(t.ms) / 1000)) END AS rows_per_second
FROM timed t, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms FROM timed WHERE name = 'dashboard, cells') b
GROUP BY t.name ORDER BY t.name;
