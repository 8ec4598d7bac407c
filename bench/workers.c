/*-------------------------------------------------------------------------
 *
 * workers.c
 *		See workers.h.
 *
 *-------------------------------------------------------------------------
 */
#include "workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

WorkerArguments
worker_arguments(int argc, char **argv, int64_t repetitions)
{
	WorkerArguments arguments = {
		.repetitions = argc > 1 ? atoll(argv[1]) : repetitions,
		.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
		.processes = argc > 3 ? atoi(argv[3]) : 1,
	};

	if (arguments.repetitions < 2 || arguments.processes < 1 || arguments.processes > 64)
	{
		fprintf(stderr, "usage: %s REPETITIONS SEED PROCESSES\n", argv[0]);
		exit(2);
	}
	return arguments;
}

void *
run_workers(const char *program, const WorkerArguments *arguments, size_t tally_size, Repetition repetition)
{
	char	   *tallies = mmap(NULL, arguments->processes * tally_size, PROT_READ | PROT_WRITE,
							   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tallies == MAP_FAILED)
	{
		perror("mmap");
		exit(2);
	}
	for (int i = 0; i < arguments->processes; i++)
		if (fork() == 0)
		{
			for (int64_t k = i; k < arguments->repetitions; k += arguments->processes)
				repetition(arguments->seed, k, tallies + i * tally_size);
			_exit(0);
		}
	for (int i = 0; i < arguments->processes; i++)
	{
		int			status;

		if (wait(&status) < 0 || status != 0)
		{
			fprintf(stderr, "%s: a process failed\n", program);
			exit(2);
		}
	}
	return tallies;
}
