#include "postgres.h"
#include "price_book.h"

uint64		price_version_reads = 0;
