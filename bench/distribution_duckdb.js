// bench/distribution in DuckDB: node distribution_duckdb.js FOLDER
// For each line read, the number of a round, prints rows of the table run and an empty
// line.  Any other line: the end.
const { DuckDBInstance } = require('@duckdb/node-api');
const readline = require('readline');

const queries = [
	[8, 'SELECT [avg(x)]::VARCHAR FROM sample'],
	[9, 'SELECT approx_quantile(x, [0.5, 0.9, 0.99, 0.999])::VARCHAR FROM sample'],
	[10, 'SELECT quantile_cont(x, [0.5, 0.9, 0.99, 0.999])::VARCHAR FROM sample'],
];

(async () => {
	const db = await (await DuckDBInstance.create(':memory:')).connect();
	await db.run('SET threads = 1');
	await db.run(`CREATE TABLE sample AS FROM read_csv('${process.argv[2]}/sample.csv', types = {'x': 'DOUBLE'})`);
	for await (const round of readline.createInterface({ input: process.stdin })) {
		if (!/^\d+$/.test(round)) break;
		for (const [n, sql] of queries) {
			const start = process.hrtime.bigint();
			const answer = (await (await db.runAndReadAll(sql)).getRows())[0][0];
			const ms = Number(process.hrtime.bigint() - start) / 1e6;
			console.log(['one group', n, round, 0, ms, answer.replace('[', '{').replace(']', '}')].join('\t'));
		}
		console.log();
	}
	process.exit();
})();
