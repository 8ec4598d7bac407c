/*
 * What a program sees of a view through node-postgres, for test/t/bi_clients.pl:
 *
 *	node node_postgres.js CONNECTION_STRING SCHEMA VIEW QUERY
 *
 * prints the lines that Jdbc.java prints; comments are read from the catalogue,
 * for this driver has no call for them.
 */
'use strict';

const { Client } = require('pg');
const [connectionString, schema, view, query] = process.argv.slice(2);

const print = (...fields) => process.stdout.write(fields.map((f) => f + '\u001f').join('') + '\n');

// As a program gets it, with the parsers that the driver has.
function value(v, type)
{
	if (v === null)
		return 'NULL';
	if (v instanceof Date && type === 1082)		// midnight of local time
		return [v.getFullYear(), v.getMonth() + 1, v.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
	if (v instanceof Date)						// knows milliseconds only
		return v.toISOString().slice(0, -1);
	if (typeof v === 'number' && type === 701) {
		const bytes = Buffer.alloc(8);
		bytes.writeDoubleBE(v);
		return bytes.toString('hex');
	}
	if (typeof v === 'object')
		throw new Error('no plain value: ' + JSON.stringify(v));
	return String(v);
}

(async function () {
	const client = new Client({ connectionString });

	await client.connect();
	const described = await client.query(`
		SELECT a.attname, a.atttypid::regtype AS type, a.atttypmod, col_description(a.attrelid, a.attnum) AS says, obj_description(c.oid) AS view_says
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 ORDER BY a.attnum`, [schema, view]);
	print('view', view, described.rows[0].view_says);
	for (const c of described.rows)
		print('column', c.attname, c.type, c.type, c.atttypmod > 0 ? (c.atttypmod - 4) >> 16 : 0, c.atttypmod > 0 ? (c.atttypmod - 4) & 0x7ff : 0, c.says);
	const result = await client.query({ text: query, rowMode: 'array' });
	for (const f of result.fields)
		print('result', f.name, f.dataTypeID, '', f.dataTypeModifier > 0 ? (f.dataTypeModifier - 4) >> 16 : 0, f.dataTypeModifier > 0 ? (f.dataTypeModifier - 4) & 0x7ff : 0);
	for (const row of result.rows)
		print('row', ...row.map((v, i) => value(v, result.fields[i].dataTypeID)));
	await client.end();
})().catch((e) => { console.error(e.message); process.exit(1); });
