// bench/rollup in DuckDB: node rollup_duckdb.js FOLDER
// Prints lines "duckdb,_... ROUND MS", then whether spend is that of the cells.
const { DuckDBInstance } = require('@duckdb/node-api');
const fs = require('fs');

(async () => {
	const folder = process.argv[2];
	const db = await (await DuckDBInstance.create(`${folder}/call.duckdb`)).connect();
	await db.run(`CREATE TABLE call AS FROM read_csv('${folder}/call.csv', types = {'started_at': 'TIMESTAMPTZ', 'cost': 'DECIMAL(24,12)'})`);
	await db.run('CHECKPOINT');
	const rows = async (sql) => (await db.runAndReadAll(sql)).getRows();
	const sql = (percentiles) => `SELECT team, sum(cost)::VARCHAR AS spend, ${percentiles} AS p, sum(cache_read_tokens) / sum(input_tokens) AS hit_ratio,
			count(operation_id) / count(DISTINCT operation_id) AS calls_per_operation
		FROM call WHERE started_at >= '2026-05-30 00:00:00+00' GROUP BY team ORDER BY team`;
	let answer;
	for (const threads of [1, 2]) {
		await db.run(`SET threads = ${threads}`);
		for (const [name, percentiles] of [['approximate', 'approx_quantile(cost, [0.5, 0.99])'], ['exact', 'quantile_cont(cost, [0.5, 0.99])']]) {
			for (let round = 0; round < 6; round++) {
				const start = process.hrtime.bigint();
				answer = await rows(sql(percentiles));
				if (round > 0) console.log(`duckdb,_${name},_threads_${threads} ${round} ${(Number(process.hrtime.bigint() - start) / 1e6).toFixed(2)}`);
			}
		}
	}
	// as whole numbers of 10^-12
	const units = (text) => {
		const [whole, fraction = ''] = text.split('.');
		return BigInt(whole + fraction.padEnd(12, '0').slice(0, 12));
	};
	const cells = fs.readFileSync(`${folder}/answer`, 'utf8').trim().split('\n').map((line) => line.split(' '));
	const same = answer.length === cells.length && answer.every(([team, spend, , , calls], i) =>
		team === cells[i][0] && units(spend) === units(cells[i][1]) && Math.abs(calls / Number(cells[i][2]) - 1) < 1e-5);	// operations over the first midnight
	console.log(`DuckDB has the same spend and calls per operation: ${same}`);
})();
