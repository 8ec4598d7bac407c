// bench/cost in DuckDB: node duckdb.js FOLDER ANSWER
const { DuckDBInstance } = require('@duckdb/node-api');

(async () => {
	const [folder, answer] = process.argv.slice(2);
	const db = await (await DuckDBInstance.create(':memory:')).connect();
	await db.run('SET threads = 1');
	await db.run(`CREATE TABLE usage AS FROM read_csv('${folder}/usage.csv')`);
	await db.run(`CREATE TABLE rate AS FROM read_csv('${folder}/rate.csv', types = {'input': 'DECIMAL(20,6)',
		'cache_read': 'DECIMAL(20,6)', 'cache_write': 'DECIMAL(20,6)', 'output': 'DECIMAL(20,6)',
		'valid_from': 'TIMESTAMPTZ', 'valid_to': 'TIMESTAMPTZ'})`);
	const sql = `SELECT sum((input_tokens - cache_read_tokens - cache_write_tokens) * r.input
			+ cache_read_tokens * r.cache_read + cache_write_tokens * r.cache_write
			+ output_tokens * r.output)::VARCHAR AS s
		FROM usage u JOIN rate r ON r.model = u.model AND u.started_at >= r.valid_from
			AND u.started_at < r.valid_to AND u.input_tokens > r.above AND u.input_tokens <= r.up_to`;
	const times = [];
	let sum;
	for (let i = 0; i < 8; i++) {
		const start = process.hrtime.bigint();
		sum = (await (await db.runAndReadAll(sql)).getRows())[0][0];
		if (i > 0) times.push(Number(process.hrtime.bigint() - start) / 1e6);
	}
	times.sort((a, b) => a - b);
	const millionths = (text) => {
		const [whole, fraction = ''] = text.split('.');
		return BigInt(whole + fraction.padEnd(20, '0').slice(0, 20));
	};
	const same = millionths(sum) === millionths(answer) * 1000000n;
	console.log(`DuckDB, own storage, one thread, join by row: ${times[3].toFixed(0)} ms; same answer: ${same}`);
	if (!same) console.log(`  ${sum} / 10^6 against ${answer}`);
})();
