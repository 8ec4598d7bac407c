/* stub */
#include "postgres.h"
#include "fmgr.h"
PG_FUNCTION_INFO_V1(llm_cost_cost);
PG_FUNCTION_INFO_V1(llm_cost_cost_problem);
PG_FUNCTION_INFO_V1(llm_cost_cost_breakdown);
PG_FUNCTION_INFO_V1(llm_cost_meters);
Datum llm_cost_cost(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
Datum llm_cost_cost_problem(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
Datum llm_cost_cost_breakdown(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
Datum llm_cost_meters(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }
