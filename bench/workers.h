/*-------------------------------------------------------------------------
 *
 * workers.h
 *		A simulation on several processes.
 *
 * Repetitions are dealt out to the processes, and each counts into a tally of
 * its own, in shared memory; adding them up is the caller's.  What is counted,
 * the module does not know.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_BENCH_WORKERS_H
#define LLM_COST_BENCH_WORKERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct WorkerArguments
{
	int64_t		repetitions;
	uint64_t	seed;
	int			processes;
} WorkerArguments;

/* one repetition, counted into a tally */
typedef void (*Repetition) (uint64_t seed, int64_t number, void *tally);

/* [REPETITIONS [SEED [PROCESSES]]]; leaves the program with 2 if they are wrong */
extern WorkerArguments worker_arguments(int argc, char **argv, int64_t repetitions);

/* The tallies of all processes, one after the other; leaves the program with 2 if one fails. */
extern void *run_workers(const char *program, const WorkerArguments *arguments, size_t tally_size, Repetition repetition);

#endif							/* LLM_COST_BENCH_WORKERS_H */
