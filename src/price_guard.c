/*-------------------------------------------------------------------------
 *
 * price_guard.c
 *		Triggers on the price tables, and the content hash in their keys.
 *
 * note_price_change() gives the one row of llm_cost.price_version a new
 * random value whenever a row of a price table changes.  A backend's price
 * cache is good for exactly the version its snapshot sees, so a change is
 * noticed just where, and just as long as, it is visible.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "price_book.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(note_price_change);
PG_FUNCTION_INFO_V1(refuse_bundled_change);
PG_FUNCTION_INFO_V1(llm_cost_content_id);

/*
 * Replace the version as the owner of the table, as referential integrity
 * triggers do: whoever may change prices need not hold rights on it.
 */
static void
replace_price_version(void)
{
	Oid			schema = get_namespace_oid("llm_cost", false);
	Oid			relid = get_relname_relid("price_version", schema);
	Relation	rel = table_open(relid, RowExclusiveLock);
	Oid			save_userid;
	int			save_sec_context;
	int			rc;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);

	if ((rc = SPI_connect()) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed: %s", SPI_result_code_string(rc));
	rc = SPI_execute("INSERT INTO llm_cost.price_version AS v"
					 " VALUES (pg_catalog.gen_random_uuid())"
					 " ON CONFLICT (only_row) DO UPDATE SET version = excluded.version",
					 false, 0);
	if (rc != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	SPI_finish();

	SetUserIdAndSecContext(save_userid, save_sec_context);
	table_close(rel, NoLock);
}

/* The command that made the row of the trigger's event what it is. */
static CommandId
change_command(const TriggerData *trigdata)
{
	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return HeapTupleHeaderGetCmax(trigdata->tg_trigtuple->t_data);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		return HeapTupleHeaderGetCmin(trigdata->tg_newtuple->t_data);
	return HeapTupleHeaderGetCmin(trigdata->tg_trigtuple->t_data);
}

/*
 * A new version serves for all rows that were changed by commands before it:
 * every snapshot that sees the version sees them.  That is what spares all
 * rows of a statement but the first the trouble.  If somebody looked in
 * between, a row of the same statement may have come later than that look.
 */
Datum
note_price_change(PG_FUNCTION_ARGS)
{
	/* Where we stood after our last new version. */
	static struct
	{
		TransactionId xid;
		SubTransactionId subid;
		CommandId	cid;
		uint64		reads;
	}			last;

	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TransactionId xid;
	SubTransactionId subid;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"note_price_change")));

	xid = GetTopTransactionId();
	subid = GetCurrentSubTransactionId();
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) &&
		last.xid == xid && last.subid == subid &&
		change_command(trigdata) < last.cid && last.reads == price_version_reads)
		return PointerGetDatum(NULL);

	replace_price_version();
	last.xid = xid;
	last.subid = subid;
	last.cid = GetCurrentCommandId(false);
	last.reads = price_version_reads;
	return PointerGetDatum(NULL);
}

/*
 * Bundled rows belong to the extension's version: an edit would be lost,
 * silently, with the next dump or update.
 */
Datum
refuse_bundled_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"refuse_bundled_change")));

	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change \"%s\"",
						RelationGetRelationName(trigdata->tg_relation)),
				 errdetail("Bundled rows are replaced as a whole by a newer version of the extension."),
				 errhint("Use set_price(), set_rule() or add_alias(): what they store comes before bundled rows.")));

	return PointerGetDatum(NULL);
}

/*
 * content_id(VARIADIC text[]) → uuid: the first 128 bits of SHA-256 over the
 * parts in UTF-8, each preceded by its length, so that no two lists of parts
 * run together.
 */
Datum
llm_cost_content_id(PG_FUNCTION_ARGS)
{
	ArrayType  *parts = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *values;
	bool	   *nulls;
	int			nparts;
	pg_cryptohash_ctx *ctx;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_uuid_t  *result = palloc(sizeof(pg_uuid_t));
	bool		ok;

	deconstruct_array(parts, TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &nparts);

	ctx = pg_cryptohash_create(PG_SHA256);
	ok = ctx != NULL && pg_cryptohash_init(ctx) >= 0;
	for (int i = 0; ok && i < nparts; i++)
	{
		uint32		length = 0xFFFFFFFF;	/* NULL */
		uint8		header[4];
		char	   *utf8 = NULL;

		if (!nulls[i])
		{
			char	   *part = TextDatumGetCString(values[i]);

			utf8 = pg_server_to_any(part, strlen(part), PG_UTF8);
			length = strlen(utf8);
		}
		for (int b = 0; b < 4; b++)
			header[b] = (uint8) (length >> (24 - 8 * b));
		ok = pg_cryptohash_update(ctx, header, sizeof(header)) >= 0 &&
			(utf8 == NULL || pg_cryptohash_update(ctx, (uint8 *) utf8, length) >= 0);
	}
	ok = ok && pg_cryptohash_final(ctx, digest, sizeof(digest)) >= 0;
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash: %s", pg_cryptohash_error(ctx))));
	pg_cryptohash_free(ctx);

	memcpy(result->data, digest, UUID_LEN);
	PG_RETURN_UUID_P(result);
}
