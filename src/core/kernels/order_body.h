/*
 * order_body.h
 *		Order statistics of each coordinate over the streams; see kernels_body.h.
 *
 * Each stream contributes a row of keys, for KEYS_WIDTH coordinates, and
 * sort_body.h sorts the rows of all streams. A key is a float's bits as an
 * integer that orders as IEEE 754's totalOrder does, so that nothing, NaN least
 * of all, can upset the order.
 */
_Static_assert(FED_ORDER_BLOCK == NETWORK_SIZE, "scratch is for blocks of another size");

/* A row of keys from a stream: the n_columns values at p, the rest 0. */
INLINE KEYS
load_keys(const float *p, size_t n_columns)
{
	float		padded[KEYS_WIDTH];

	if (n_columns == KEYS_WIDTH)
		return KEYS_TURN(KEYS_LOAD(p));
	memset(padded, 0, sizeof(padded));
	memcpy(padded, p, n_columns * sizeof(float));
	return KEYS_TURN(KEYS_LOAD(padded));
}

/* The first n_columns of a row of keys, as floats. */
INLINE void
store_keys(float *p, KEYS keys, size_t n_columns)
{
	float		whole[KEYS_WIDTH];

	KEYS_STORE(n_columns == KEYS_WIDTH ? p : whole, KEYS_TURN(keys));
	if (n_columns < KEYS_WIDTH)
		memcpy(p, whole, n_columns * sizeof(float));
}

/* The mean of n >= 1 rows of keys, added up in double from the first on. */
INLINE void
mean_rows(double *out, const KEYS *x, size_t n)
{
	VEC			sum[KEYS_WIDTH / VEC_WIDTH];
	float		row[KEYS_WIDTH];

	KEYS_STORE(row, KEYS_TURN(x[0]));
	for (int u = 0; u < KEYS_WIDTH / VEC_WIDTH; u++)
		sum[u] = VEC_WIDEN(row + u * VEC_WIDTH);
	for (size_t k = 1; k < n; k++)
	{
		KEYS_STORE(row, KEYS_TURN(x[k]));
		for (int u = 0; u < KEYS_WIDTH / VEC_WIDTH; u++)
			sum[u] = VEC_ADD(sum[u], VEC_WIDEN(row + u * VEC_WIDTH));
	}
	for (int u = 0; u < KEYS_WIDTH / VEC_WIDTH; u++)
		VEC_STORE(out + u * VEC_WIDTH, VEC_DIV(sum[u], VEC_SET((double) n)));
}

/*
 * A tile of columns. To visit each of many streams for one vector only would
 * cost more in address translation and cache misses than the sorting; a tile of
 * some hundred streams still lies in the first cache.
 */
typedef struct Tile
{
	KEYS	   *rows;			/* those of vector v from v * height on */
	size_t		height;			/* streams, filled up to whole blocks */
} Tile;

/* A tile in scratch, from the first cache line on, with the filling in place. */
TARGET static Tile
new_tile(void *scratch, size_t n_streams)
{
	Tile		tile;

	tile.rows = (KEYS *) (((uintptr_t) scratch + 63) / 64 * 64);
	tile.height = fed_order_height(n_streams);
	for (size_t v = 0; v < FED_ORDER_TILE / KEYS_WIDTH; v++)
		for (size_t k = n_streams; k < tile.height; k++)
			tile.rows[v * tile.height + k] = KEYS_SET(INT32_MAX);
	return tile;
}

/* How many of the columns from `at` on belong to a span of so many. */
static inline size_t
columns_in(size_t span, size_t at, size_t n_values)
{
	return n_values - at < span ? n_values - at : span;
}

/*
 * Keys from all streams. While tiles are sorted, the one after the next comes
 * as far as the second cache: no prefetcher follows so many streams, and the
 * first cache has no room to spare.
 */
TARGET static void
fill_tile(const Tile *tile, const float *const *streams, size_t n_streams,
		  size_t at, size_t n_columns)
{
	for (size_t k = 0; k < n_streams; k++)
	{
		KEYS	   *row = tile->rows + k;

		for (size_t c = 0; c < n_columns; c += KEYS_WIDTH)
		{
			*row = load_keys(streams[k] + at + c, columns_in(KEYS_WIDTH, c, n_columns));
			__builtin_prefetch(streams[k] + at + 2 * FED_ORDER_TILE + c, 0, 2);
			row += tile->height;
		}
	}
}

/* mean_rows for the first n_columns. */
TARGET static void
store_means(double *out, const KEYS *x, size_t n, size_t n_columns)
{
	double		whole[KEYS_WIDTH];

	mean_rows(n_columns == KEYS_WIDTH ? out : whole, x, n);
	if (n_columns < KEYS_WIDTH)
		memcpy(out, whole, n_columns * sizeof(double));
}

/* trimmed_mean for the coordinates from `at` on. */
TARGET static void
trimmed_mean_from(size_t at, double *out, const float *const *streams,
				  size_t n_streams, size_t trim, size_t n_values, void *scratch)
{
	Tile		tile = new_tile(scratch, n_streams);
	Ranks		kept = {trim, n_streams - trim};

	for (; at < n_values; at += FED_ORDER_TILE)
	{
		size_t		width = columns_in(FED_ORDER_TILE, at, n_values);
		KEYS	   *x = tile.rows;

		fill_tile(&tile, streams, n_streams, at, width);
		for (size_t c = 0; c < width; c += KEYS_WIDTH, x += tile.height)
		{
			sort_rows(x, n_streams, kept);
			store_means(out + at + c, x + kept.first, kept.end - kept.first,
						columns_in(KEYS_WIDTH, c, width));
		}
	}
}

TARGET static void
trimmed_mean(double *out, const float *const *streams, size_t n_streams,
			 size_t trim, size_t n_values, void *scratch)
{
	trimmed_mean_from(0, out, streams, n_streams, trim, n_values, scratch);
}

/* The median of n streams, a constant; how many coordinates it has done. */
INLINE size_t
median_in_registers(double *out, const float *const *streams, size_t n,
					size_t n_values)
{
	size_t		at = 0;

	for (; at + KEYS_WIDTH <= n_values; at += KEYS_WIDTH)
	{
		KEYS		x[NETWORK_SIZE];

		for (size_t k = 0; k < n; k++)
			x[k] = load_keys(streams[k] + at, KEYS_WIDTH);
		run_sort(x, n);
		mean_rows(out + at, x + (n - 1) / 2, 2 - n % 2);
	}
	return at;
}

TARGET static void
median(double *out, const float *const *streams, size_t n_streams,
	   size_t n_values, void *scratch)
{
	size_t		done = 0;

#define MEDIAN(n) case n: done = median_in_registers(out, streams, n, n_values); break;
	switch (n_streams)
	{
		FOR_EACH_SIZE(MEDIAN)
	}
#undef MEDIAN
	trimmed_mean_from(done, out, streams, n_streams, (n_streams - 1) / 2,
					  n_values, scratch);
}

TARGET static void
sorted_columns(float *sorted, const float *const *streams, size_t n_streams,
			   size_t n_values, void *scratch)
{
	Tile		tile = new_tile(scratch, n_streams);
	Ranks		all = {0, n_streams};

	for (size_t at = 0; at < n_values; at += FED_ORDER_TILE)
	{
		size_t		width = columns_in(FED_ORDER_TILE, at, n_values);
		KEYS	   *x = tile.rows;

		fill_tile(&tile, streams, n_streams, at, width);
		for (size_t c = 0; c < width; c += KEYS_WIDTH, x += tile.height)
		{
			sort_rows(x, n_streams, all);
			for (size_t k = 0; k < n_streams; k++)
				store_keys(sorted + k * n_values + at + c, x[k],
						   columns_in(KEYS_WIDTH, c, width));
		}
	}
}
