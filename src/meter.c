/*-------------------------------------------------------------------------
 *
 * meter.c
 *		The vocabulary of meters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "meter.h"

const Meter standard_meters[] = {
	/* the core meters first, in the order of CoreMeter */
	{"input", NULL, "token", "Prompt tokens that no other meter counts."},
	{"cache_read", "input", "token", "Prompt tokens read from the prompt cache."},
	{"cache_write_5m", "input", "token", "Prompt tokens written to the prompt cache, kept five minutes; also writes of unknown lifetime."},
	{"cache_write_1h", "cache_write_5m", "token", "Prompt tokens written to the prompt cache, kept one hour."},
	{"output", NULL, "token", "Generated tokens that no other meter counts."},
	{"reasoning", "output", "token", "Generated tokens spent on reasoning."},

	/* modalities: parts of the totals above */
	{"input_audio", "input", "token", "Audio in the prompt, not cached."},
	{"input_image", "input", "token", "Images in the prompt, not cached."},
	{"input_video", "input", "token", "Video in the prompt, not cached."},
	{"cache_read_audio", "cache_read", "token", "Audio read from the prompt cache."},
	{"cache_read_image", "cache_read", "token", "Images read from the prompt cache."},
	{"cache_write_audio", "cache_write_5m", "token", "Audio written to the prompt cache."},
	{"output_audio", "output", "token", "Generated audio."},
	{"output_image", "output", "token", "Generated images."},
	{"output_video", "output", "token", "Generated video."},

	/* fees and quantities in addition to tokens */
	{METER_REQUEST, NULL, "request", "The attempt itself; one unless given."},
	{"web_search", NULL, "call", "Web searches made for the request."},
	{"file_search", NULL, "call", "File searches made for the request."},
	{"code_session", NULL, "session", "Code interpreter sessions."},
	{"computer_use_input", NULL, "token", "Prompt tokens of computer use."},
	{"computer_use_output", NULL, "token", "Generated tokens of computer use."},
	{"citation", NULL, "token", "Citation tokens billed in addition."},
	{"input_query", NULL, "query", "Queries, for example to a reranker."},
	{"search_unit", NULL, "unit", "Search units of a reranker."},
	{"page", NULL, "page", "Pages read."},
	{"annotation_page", NULL, "page", "Pages annotated."},
	{"input_character", NULL, "character", "Characters sent."},
	{"output_character", NULL, "character", "Characters generated."},
	{"submitted_image", NULL, "image", "Images sent, billed by the piece."},
	{"generated_image", NULL, "image", "Images generated, billed by the piece."},
	{"input_pixel", NULL, "pixel", "Pixels sent."},
	{"output_pixel", NULL, "pixel", "Pixels generated."},
	{"input_second", NULL, "second", "Seconds of input or of processing."},
	{"output_second", NULL, "second", "Seconds of output."},
	{"input_audio_second", NULL, "second", "Seconds of audio sent."},
	{"input_video_second", NULL, "second", "Seconds of video sent."},
	{"output_video_second", NULL, "second", "Seconds of video generated."},
	{"file_search_gb_day", NULL, "gigabyte-day", "Storage for file search."},
	{"vector_store_gb_day", NULL, "gigabyte-day", "Storage of a vector store."},
	{"training_token", NULL, "token", "Tokens trained on."},
	{"credit", NULL, "credit", "Credits of the vendor."},
};

const int	num_standard_meters = lengthof(standard_meters);

const Meter *
find_meter(const char *name)
{
	for (int i = 0; i < num_standard_meters; i++)
		if (strcmp(standard_meters[i].name, name) == 0)
			return &standard_meters[i];
	return NULL;
}

const char *
meter_parent(const char *name)
{
	const Meter *meter = find_meter(name);

	return meter ? meter->parent : NULL;
}

/* The core meter of that name, or -1. */
int
core_meter(const char *name)
{
	for (int i = 0; i < NUM_CORE_METERS; i++)
		if (strcmp(standard_meters[i].name, name) == 0)
			return i;
	return -1;
}
