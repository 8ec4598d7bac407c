/*-------------------------------------------------------------------------
 *
 * private_random.h
 *		Random numbers of one's own, the same on every machine.
 *
 * Whoever resamples starts from a seed of his own, so the same rows give the
 * same interval, and nobody else's random() is disturbed.  SplitMix64
 * (G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014): 64 bits of state, period 2^64, passes BigCrush.
 * Not for secrets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRIVATE_RANDOM_H
#define LLM_COST_PRIVATE_RANDOM_H

#include <stdint.h>

typedef struct PrivateRandom
{
	uint64_t	state;
} PrivateRandom;

static inline uint64_t
random_bits(PrivateRandom *random)
{
	uint64_t	z = random->state += 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

/* From 0 to n - 1; n below 2^31, where what the product favours is below 2^-32. */
static inline uint32_t
random_below(PrivateRandom *random, uint32_t n)
{
	return (uint32_t) (((random_bits(random) >> 32) * (uint64_t) n) >> 32);
}

#endif							/* LLM_COST_PRIVATE_RANDOM_H */
